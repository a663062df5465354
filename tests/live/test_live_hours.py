"""A real Alertmanager with a route that has hours, and with idle windows."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.alertmanager import (
    AT_ANY_TIME,
    PAGERDUTY,
    SLACK,
    WEBHOOK,
    alert,
    alertmanager,
    ended,
    files_of,
    messages_about,
)
from tests.support.waiting import wait_for


def hours(start: timedelta, end: timedelta, zone: str = "UTC") -> dict[str, Any]:
    """A daily window between two moments relative to now."""
    now = datetime.now(UTC)
    return {
        "timeZone": zone,
        "from": f"{now + start:%H:%M}",
        "to": f"{now + end:%H:%M}",
    }


OPEN = (timedelta(hours=-1), timedelta(hours=1))
CLOSED = (timedelta(hours=2), timedelta(hours=3))


@pytest.mark.parametrize(("window", "arrives"), [(OPEN, False), (CLOSED, True)])
def test_an_idle_window_keeps_treaty_no_requests_quiet_and_nothing_else(
    window: tuple[timedelta, timedelta], arrives: bool, tmp_path: Path
) -> None:
    idle = [{"name": "between-tests", **hours(*window)}]
    files = files_of("staging", routes=AT_ANY_TIME, idleWindows=idle)
    with alertmanager(files, tmp_path) as found:
        found.post(
            alert("TreatyNoRequests", "warning", job="aurora-treaty", treaty="A"),
            alert("TreatyRttHigh", "warning", job="aurora-treaty", treaty="A"),
            alert("TreatyDown", "critical", job="aurora-treaty"),
        )
        wait_for(
            lambda: messages_about(found.notifications(SLACK), "TreatyRttHigh"), "another warning"
        )
        wait_for(
            lambda: messages_about(found.notifications(PAGERDUTY), "TreatyDown"), "a critical alert"
        )
        if arrives:
            wait_for(
                lambda: messages_about(found.notifications(SLACK), "TreatyNoRequests"),
                "the idle treaty",
            )
        else:
            log = tmp_path / "log"
            wait_for(lambda: log.read_text().count("route is within mute time") >= 2, "two flushes")
            assert not messages_about(found.notifications(SLACK), "TreatyNoRequests")
        assert messages_about(found.notifications(WEBHOOK), "TreatyNoRequests")


@pytest.mark.parametrize(("window", "arrives"), [(OPEN, True), (CLOSED, False)])
def test_a_route_with_hours_notifies_within_them_only_and_critical_alerts_always(
    window: tuple[timedelta, timedelta], arrives: bool, tmp_path: Path
) -> None:
    routes = {"critical": "pagerduty", "warning": {"channel": "slack", "during": "shift"}}
    files = files_of("staging", routes=routes, hours={"shift": hours(*window)})
    with alertmanager(files, tmp_path) as found:
        found.post(alert("Milder", "warning"), alert("Worse", "critical"))
        wait_for(
            lambda: messages_about(found.notifications(PAGERDUTY), "Worse"), "the critical alert"
        )
        if arrives:
            wait_for(lambda: messages_about(found.notifications(SLACK), "Milder"), "the warning")
        else:
            log = tmp_path / "log"
            wait_for(lambda: log.read_text().count("not within active time") >= 2, "two flushes")
            assert not messages_about(found.notifications(SLACK), "Milder")
        assert messages_about(found.notifications(WEBHOOK), "Milder"), "harbinger has no hours"


def test_slack_hears_the_end_after_the_closing_and_what_goes_on_after_the_opening(
    tmp_path: Path,
) -> None:
    """The hours are closed for the one minute after the next."""
    now = datetime.now(UTC)
    time.sleep(60 - now.second if now.second > 30 else 0)
    closing = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    opening = closing + timedelta(minutes=1)
    shift = {"timeZone": "UTC", "from": f"{opening:%H:%M}", "to": f"{closing:%H:%M}"}
    routes = {"critical": "pagerduty", "warning": {"channel": "slack", "during": "shift"}}
    files = files_of("staging", routes=routes, hours={"shift": shift})
    # An hour and a minute, the wait of the route after the hours, takes a minute.
    with alertmanager(files, tmp_path, speed=60) as found:

        def told(name: str, channel: str = SLACK) -> list[str]:
            messages = messages_about(found.notifications(channel), name)
            return ["RESOLVED" if "RESOLVED" in json.dumps(one) else "FIRING" for one in messages]

        heard, brief, lasting = (
            {**alert(name, "warning", job=name), "startsAt": datetime.now(UTC).isoformat()}
            for name in ("Heard", "Brief", "Lasting")
        )
        found.post(heard)
        wait_for(lambda: told("Heard") == ["FIRING"], "what fires before the closing")
        time.sleep((closing - datetime.now(UTC)).total_seconds() + 1)
        begun = datetime.now(UTC).isoformat()
        brief, lasting = ({**one, "startsAt": begun} for one in (brief, lasting))
        found.post(ended(heard), brief, lasting)
        wait_for(lambda: told("Brief", WEBHOOK), "harbinger, which has no hours")
        found.post(ended(brief))
        wait_for(lambda: told("Heard") == ["FIRING", "RESOLVED"], "the end of what was told", 75)
        wait_for(lambda: told("Lasting") == ["FIRING"], "what still fires at the opening", 75)
        assert datetime.now(UTC) >= opening
        assert told("Brief") == []
