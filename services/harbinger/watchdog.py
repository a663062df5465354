"""The heartbeat of alerting: an alert that always fires, so that its silence is the alarm."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.harbinger.events import Events

ALERT = "Watchdog"
LOST = "WatchdogLost"
"""The event of our own: it fires when the heartbeat stops, and resolves when it is back."""


@dataclass(frozen=True)
class Moment:
    """Now: `clock` in seconds, which never jumps, and `utc`, for people."""

    clock: float
    utc: datetime


class Watchdog(Collector):
    """Tells when the alert `Watchdog` has not been heard for more than `timeout` seconds.

    Its metrics are missing before the first heartbeat: whether alerting works is unknown then, and
    neither 0 nor 1 would be true.
    """

    def __init__(self, events: Events, timeout: float) -> None:
        self._events = events
        self._timeout = timeout
        self._heard: Moment | None = None
        self._is_lost = False

    def hear(self, now: Moment) -> None:
        """The heartbeat has come."""
        self._heard = now
        if self._is_lost:
            self._is_lost = False
            self._tell("resolved", now, now)

    def check(self, now: Moment) -> None:
        """Make the event if the heartbeat has stopped. Meant to be called about every second."""
        if self._heard is None or self._is_lost:
            return
        if now.clock - self._heard.clock > self._timeout:
            self._is_lost = True
            self._tell("firing", now, self._heard)

    def collect(self) -> Iterator[Metric]:
        """The metrics, for a scrape."""
        if self._heard is None:
            return
        yield GaugeMetricFamily(
            "harbinger_watchdog_healthy",
            "1 while the alert Watchdog keeps coming, else 0.",
            value=not self._is_lost,
        )
        yield GaugeMetricFamily(
            "harbinger_last_watchdog_timestamp_seconds",
            "Unix time of the last notification of the alert Watchdog.",
            value=self._heard.utc.timestamp(),
        )

    def _tell(self, status: str, now: Moment, heard: Moment) -> None:
        last = heard.utc.isoformat(timespec="seconds")
        self._events.add(
            {
                "received": now.utc.isoformat(timespec="milliseconds"),
                "alertname": LOST,
                "status": status,
                "labels": {"alertname": LOST, "severity": "critical"},
                "annotations": {"summary": f"The last Watchdog notification came at {last}."},
            }
        )
