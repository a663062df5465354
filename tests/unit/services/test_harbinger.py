"""Harbinger keeps Alertmanager's latest notifications and notices when the Watchdog stops."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.harbinger.app import NOTIFICATION_LIMIT, HarbingerSettings, build
from services.harbinger.watchdog import Moment
from tests.support.services.asgi import JSON, serving
from tests.support.services.in_process import Client, running_service

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

# A payload of Alertmanager 0.31.
NOTIFICATION = {
    "receiver": "warning",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "TreatyRttHigh", "severity": "warning", "treaty": "A"},
            "annotations": {"summary": "Treaty round-trip time is high"},
            "startsAt": "2026-03-01T11:58:03.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus/graph",
            "fingerprint": "c2b1f0a93e5d7788",
        }
    ],
    "groupLabels": {"alertname": "TreatyRttHigh"},
    "commonLabels": {"alertname": "TreatyRttHigh"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager",
    "version": "4",
    "groupKey": '{}:{alertname="TreatyRttHigh"}',
    "truncatedAlerts": 0,
}


@dataclass
class Clock:
    seconds: float = 0

    def __call__(self) -> Moment:
        return Moment(self.seconds, START + timedelta(seconds=self.seconds))


@contextmanager
def harbinger(clock: Clock | None = None, **settings: Any) -> Iterator[Client]:
    with running_service(build(HarbingerSettings(**settings), clock or Clock())) as client:
        yield client


def notification(*names: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    made = deepcopy(NOTIFICATION)
    (alert,) = made["alerts"]
    made["alerts"] = [
        {**alert, "status": status, "labels": {"alertname": name, **labels}} for name in names
    ]
    return made


def send(client: Client, message: Any) -> httpx.Response:
    return client.post("/alerts", json=message)


def events(client: Client, query: str = "") -> list[dict[str, Any]]:
    return client.get(f"/events{query}").json()["events"]


def count(client: Client, alertname: str, status: str = "firing") -> float | None:
    return client.metrics().value("harbinger_events_total", alertname=alertname, status=status)


def healthy(client: Client) -> float | None:
    return client.metrics().value("harbinger_watchdog_healthy")


def test_a_notification_becomes_an_event() -> None:
    with harbinger(Clock(60)) as client:
        assert send(client, NOTIFICATION).status_code == 200
        (event,) = events(client)
    assert event == {
        "number": 1,
        "received": "2026-03-01T12:01:00.000+00:00",
        "receiver": "warning",
        "alertname": "TreatyRttHigh",
        "status": "firing",
        "labels": {"alertname": "TreatyRttHigh", "severity": "warning", "treaty": "A"},
        "annotations": {"summary": "Treaty round-trip time is high"},
        "starts_at": "2026-03-01T11:58:03.123456+00:00",
        "ends_at": None,
        "fingerprint": "c2b1f0a93e5d7788",
    }


def test_unknown_fields_of_a_newer_alertmanager_are_ignored() -> None:
    message = {**notification("A"), "mood": "calm"}
    message["alerts"][0]["colour"] = "red"
    with harbinger() as client:
        assert send(client, message).status_code == 200
        assert len(events(client)) == 1


def test_events_are_listed_newest_first_up_to_the_limit() -> None:
    with harbinger() as client:
        send(client, notification("A", "B", "C"))
        assert [event["alertname"] for event in events(client)] == ["C", "B", "A"]
        assert [event["alertname"] for event in events(client, "?limit=2")] == ["C", "B"]


def test_events_can_be_filtered_by_alert_and_status() -> None:
    with harbinger() as client:
        send(client, notification("A", "B"))
        send(client, notification("A", status="resolved"))
        found = [(event["alertname"], event["status"]) for event in events(client, "?alert=A")]
        assert found == [("A", "resolved"), ("A", "firing")]
        assert [event["number"] for event in events(client, "?status=firing")] == [2, 1]
        assert [event["number"] for event in events(client, "?alert=A&status=firing")] == [1]
        assert events(client, "?alert=Z") == []


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=1001", "?limit=x", "?status=on", "?alert=", "?since=1"]
)
def test_an_invalid_query_is_refused(query: str) -> None:
    with harbinger() as client:
        answer = client.get(f"/events{query}")
        assert answer.status_code == 400
        assert query[1:].partition("=")[0] in answer.json()["error"]


def test_only_the_latest_events_are_kept_and_all_are_counted() -> None:
    with harbinger(max_events=3) as client:
        for _ in range(2):
            send(client, notification("A", "B"))
        assert [event["number"] for event in events(client)] == [4, 3, 2]
        assert (count(client, "A"), count(client, "B")) == (2, 2)


def test_kept_events_take_at_most_4_mib() -> None:
    with harbinger() as client:
        for number in range(6):
            send(client, notification(f"A{number}", text="x" * 900_000))
        assert [event["alertname"] for event in events(client)] == ["A5", "A4", "A3", "A2"]


def test_events_are_counted_by_alert_and_status() -> None:
    with harbinger() as client:
        send(client, notification("A", "A", "B"))
        send(client, notification("A", status="resolved"))
        assert (count(client, "A"), count(client, "A", "resolved")) == (2, 1)
        assert (count(client, "B"), count(client, "B", "resolved")) == (1, None)


def test_alerts_beyond_the_first_names_are_counted_together() -> None:
    with harbinger(max_alert_names=2) as client:
        send(client, notification("A", "B", "C", "D", "A"))
        assert (count(client, "A"), count(client, "B"), count(client, "other")) == (2, 1, 2)
        assert count(client, "C") is None


@pytest.mark.parametrize(
    "labels", [{"team": "a"}, {"alertname": ""}, {"alertname": "x" * 257}], ids=str
)
def test_an_alert_without_a_usable_name_is_kept_like_the_others_of_its_group(
    labels: dict[str, str],
) -> None:
    with harbinger() as client:
        assert send(client, broken(labels=labels)).status_code == 200
        assert [event["alertname"] for event in events(client)] == ["", "A"]
        assert events(client)[0]["labels"] == labels
        assert (count(client, "A"), count(client, "other")) == (1, 1)


def broken(**changes: Any) -> dict[str, Any]:
    """A notification with some fields changed, or removed if they are None."""
    made = notification("A", "B")
    for key, value in changes.items():
        target = made["alerts"][1] if key in made["alerts"][1] else made
        target[key] = value
    return {key: value for key, value in made.items() if value is not None}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (broken(version="5"), "version"),
        (broken(version=None), "version"),
        (broken(receiver=7), "receiver"),
        (broken(alerts=[]), "alerts"),
        (broken(labels={"alertname": 7}), "alerts.1.labels.alertname"),
        (broken(annotations=["text"]), "alerts.1.annotations"),
        (broken(startsAt="yesterday"), "alerts.1.startsAt"),
        (broken(endsAt="2026-03-01T12:00:00"), "alerts.1.endsAt"),
        ([], "object"),
    ],
)
def test_an_invalid_payload_is_refused_as_a_whole(message: Any, reason: str) -> None:
    with harbinger() as client:
        answer = send(client, message)
        assert answer.status_code == 422
        assert reason in answer.json()["error"]
        assert events(client) == []
        assert count(client, "A") is None


def test_a_notification_of_a_large_group_is_accepted_and_one_over_the_limit_is_not() -> None:
    large = notification(*(f"A{number}" for number in range(1000)), text="x" * 400)
    assert 400_000 < len(json.dumps(large)) < NOTIFICATION_LIMIT
    with harbinger() as client:
        assert send(client, large).status_code == 200
        too_large = notification("A", text="x" * NOTIFICATION_LIMIT)
        assert send(client, too_large).status_code == 413


def test_only_some_notifications_are_received_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.harbinger.app.MAX_RECEIVING", 1)
    whole = json.dumps(notification("A")).encode()

    async def scenario() -> list[int]:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield whole[:1]
            begun.set()
            await go_on.wait()
            yield whole[1:]

        async with serving(build(HarbingerSettings())) as client:

            async def post(content: Any) -> int:
                return (await client.post("/alerts", content=content, headers=JSON)).status_code

            first = asyncio.create_task(post(slow()))
            await begun.wait()
            refused = await post(whole)
            go_on.set()
            return [refused, await first, await post(whole)]

    assert asyncio.run(scenario()) == [503, 200, 200]


def test_before_the_first_watchdog_its_metrics_are_absent() -> None:
    with harbinger() as client:
        send(client, notification("A"))
        assert healthy(client) is None
        assert client.metrics().value("harbinger_last_watchdog_timestamp_seconds") is None


def test_a_firing_watchdog_is_healthy_and_counted_but_not_an_event() -> None:
    with harbinger(Clock(30)) as client:
        send(client, notification("Watchdog"))
        assert healthy(client) == 1
        seen = client.metrics().value("harbinger_last_watchdog_timestamp_seconds")
        assert seen == START.timestamp() + 30
        assert count(client, "Watchdog") == 1
        assert events(client) == []


def test_a_watchdog_that_stops_makes_one_event_and_its_return_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.harbinger.app.CHECK_SECONDS", 0.001)
    clock = Clock()
    with harbinger(clock, watchdog_timeout_seconds=300) as client:
        send(client, notification("Watchdog"))
        clock.seconds = 300
        client.sleep(0.01)
        assert healthy(client) == 1
        clock.seconds = 300.5
        client.sleep(0.01)
        assert healthy(client) == 0
        (lost,) = events(client)
        assert (lost["alertname"], lost["status"]) == ("WatchdogLost", "firing")
        assert "2026-03-01T12:00:00+00:00" in lost["annotations"]["summary"]
        assert count(client, "WatchdogLost") == 1
        clock.seconds = 360
        send(client, notification("Watchdog"))
        assert healthy(client) == 1
        resolved, _ = events(client)
        assert (resolved["alertname"], resolved["status"]) == ("WatchdogLost", "resolved")
        assert resolved["starts_at"] == lost["starts_at"] < resolved["ends_at"]


def test_a_watchdog_that_never_comes_is_lost_a_timeout_after_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.harbinger.app.CHECK_SECONDS", 0.001)
    clock = Clock()
    with harbinger(clock, watchdog_timeout_seconds=3600) as client:
        clock.seconds = 3600
        client.sleep(0.01)
        assert healthy(client) is None
        clock.seconds = 3600.5
        client.sleep(0.01)
        assert healthy(client) == 0
        assert client.metrics().value("harbinger_last_watchdog_timestamp_seconds") is None
        (lost,) = events(client)
        assert "since the start at 2026-03-01T12:00:00+00:00" in lost["annotations"]["summary"]
        send(client, notification("Watchdog"))
        assert healthy(client) == 1


def test_a_resolved_watchdog_does_not_count_as_healthy() -> None:
    with harbinger() as client:
        send(client, notification("Watchdog", status="resolved"))
        assert healthy(client) is None
        assert [event["alertname"] for event in events(client)] == ["Watchdog"]
