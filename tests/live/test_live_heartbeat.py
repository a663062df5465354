"""The dead-man's switch: when Prometheus stops, harbinger raises the alarm by itself."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.live.terminal import status_table
from tests.live.conftest import Live, running
from tests.support.services.exposition import parse
from tests.support.waiting import wait_for

LOST = "WatchdogLost"
NOTICED_SECONDS = 40
"""4 s until the alert ends at Alertmanager, 10 s of harbinger's timeout, the rest to spare."""


@pytest.fixture(scope="module")
def alerting(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A separate stack, because the alarm would disturb other tests."""
    yield from running(Live(tmp_path_factory.mktemp("alerting"), manifests))


def harbinger(live: Live, path: str) -> httpx.Response:
    (pod,) = live.platform.pods_of("harbinger")
    return httpx.get(f"{pod.url}{path}", trust_env=False).raise_for_status()


def lost_events(live: Live) -> list[dict[str, Any]]:
    """The WatchdogLost events, newest first."""
    return harbinger(live, f"/events?alert={LOST}").json()["events"]


def heartbeat_metric(live: Live, name: str) -> float | None:
    return parse(harbinger(live, "/metrics").text).value(name)


def test_harbinger_reports_that_prometheus_stopped_and_returned(alerting: Live) -> None:
    alerting.wait_for_rules()
    last = "harbinger_last_watchdog_timestamp_seconds"
    healthy = "harbinger_watchdog_healthy"
    wait_for(lambda: heartbeat_metric(alerting, healthy) == 1, "the first heartbeat")
    before = heartbeat_metric(alerting, last)
    wait_for(lambda: heartbeat_metric(alerting, last) != before, "the next heartbeat")
    assert lost_events(alerting) == []

    (pod,) = alerting.platform.pods_of("prometheus-server")
    process = alerting.platform.children[pod.name].process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # The platform does not replace the pod, because nothing calls `tick`.
    wait_for(lambda: lost_events(alerting), "the alarm", NOTICED_SECONDS)
    (alarm,) = lost_events(alerting)
    assert (alarm["status"], alarm["labels"]["severity"]) == ("firing", "critical")
    assert heartbeat_metric(alerting, healthy) == 0

    alerting.platform.tick()
    wait_for(lambda: len(lost_events(alerting)) == 2, "the end of the alarm", NOTICED_SECONDS)
    assert lost_events(alerting)[0]["status"] == "resolved"
    assert heartbeat_metric(alerting, healthy) == 1


def test_the_heartbeat_is_no_event_and_is_not_shown_as_an_alert(alerting: Live) -> None:
    seen = alerting.wait_for_rules()
    assert "Watchdog" in {rule.name for rule, _ in seen.alerts("firing")}
    assert "Watchdog" not in {event["alertname"] for event in seen.events}
    assert not [line for line in status_table(seen) if "Watchdog " in line]
