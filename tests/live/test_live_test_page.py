"""The test page of `make verify`, through a real Alertmanager with staging's routes."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.manifests import Manifests, parse_manifests
from ops.verify import paging
from ops.verify.paging import ALERT, send_test_page
from ops.verify.rows import Row, State
from tests.support.alertmanager import PAGERDUTY, SLACK, WEBHOOK, Running, alertmanager
from tests.support.loopback import StubRequest, stub
from tests.support.recording import run_values, stack_values
from tests.support.verify import declared_objects

SENDER = "somebody on a laptop"


def staging(**changes: Any) -> Manifests:
    """Staging, which notifies of everything at any time, with these settings of Alertmanager."""
    values = stack_values("staging")
    routes = {"critical": "pagerduty", "warning": "slack"}
    values["vaultmesh:settings"]["alertmanager"].update({"routes": routes, **changes})
    return parse_manifests("the program", declared_objects(run_values(values)))


@contextmanager
def harbinger(running: Running) -> Iterator[str]:
    """The URL of a stand-in that lists what the webhook got, as harbinger does."""

    def answer(_: StubRequest) -> tuple[int, bytes]:
        notified = [one.json for one in running.notifications(WEBHOOK)]
        events = [
            {"receiver": one["receiver"], "labels": alert["labels"]}
            for one in notified
            for alert in one["alerts"]
            if alert["labels"]["alertname"] == ALERT
        ]
        return 200, json.dumps({"events": events}).encode()

    with stub(answer) as listening:
        yield listening.url


def send(manifests: Manifests, folder: Path, slack: str = "") -> tuple[list[Row], Running]:
    """The rows of a test page, and the Alertmanager that sent it, to Slack at the URL `slack`."""
    files = dict(manifests.config_maps["alertmanager"])
    with alertmanager(files, folder) as running, harbinger(running) as listening:
        if slack:
            (running.credentials / "slack-api-url").write_text(f"{slack}\n")
        return list(send_test_page(manifests, [running.url], [listening], SENDER)), running


def test_every_integration_that_takes_it_is_green(tmp_path: Path) -> None:
    rows, running = send(staging(), tmp_path)
    assert {row.subject: row.state for row in rows} == {
        f"{severity} by {way}": State.GREEN
        for severity, ways in {
            "critical": ("pagerduty", "webhook"),
            "warning": ("slack", "webhook"),
        }.items()
        for way in ways
    }
    for path in (SLACK, PAGERDUTY):
        [message] = running.notifications(path)
        text = json.dumps(message.json)
        assert "TEST: nothing is wrong" in text and SENDER in text


def test_an_integration_that_refuses_it_is_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "GRACE_SECONDS", -35)
    with stub(lambda _: (404, b"no_service")) as slack:
        rows, _ = send(staging(), tmp_path, slack.url)
    [row] = [row for row in rows if row.is_red]
    assert row.subject == "warning by slack"
    assert re.fullmatch(r"0 of 1 were taken, \d+ requests failed", row.detail)


def test_an_integration_that_does_not_answer_is_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "GRACE_SECONDS", -35)
    with stub() as slack:
        slack.answer = slack.hang
        rows, _ = send(staging(), tmp_path, slack.url)
        assert slack.requests
    [row] = [row for row in rows if row.is_red]
    assert row.subject == "warning by slack"
    assert row.detail.startswith("0 of 1 were taken")


def test_who_is_not_notified_at_this_hour_is_not_judged(tmp_path: Path) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).strftime("%A").lower()
    hours = {
        "later": {"timeZone": "Etc/UTC", "weekdays": [tomorrow], "from": "08:00", "to": "18:00"}
    }
    routes = {"critical": "pagerduty", "warning": {"channel": "slack", "during": "later"}}
    rows, running = send(staging(hours=hours, routes=routes), tmp_path)
    assert {row.subject: row.state for row in rows} == {
        "critical by pagerduty": State.GREEN,
        "critical by webhook": State.GREEN,
        "warning by slack": State.UNTRIED,
        "warning by webhook": State.GREEN,
    }
    muted = {row.detail for row in rows if row.state is State.UNTRIED}
    assert muted == {"muted by later: nobody is notified now"}
    assert running.notifications(SLACK) == []


def test_an_alertmanager_that_is_away_is_red() -> None:
    [row] = send_test_page(staging(), ["http://127.0.0.1:1"], [], SENDER)
    assert row.is_red and "can't be reached" in row.detail
