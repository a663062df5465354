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
        self._lost: Moment | None = None

    def hear(self, now: Moment) -> None:
        """The heartbeat has come."""
        self._heard = now
        if self._lost:
            self._tell(now, heard=now, lost=self._lost, found=now)
            self._lost = None

    def check(self, now: Moment) -> None:
        """Make the event if the heartbeat has stopped. Meant to be called about every second."""
        if self._heard is None or self._lost:
            return
        if now.clock - self._heard.clock > self._timeout:
            self._lost = now
            self._tell(now, heard=self._heard, lost=now, found=None)

    def collect(self) -> Iterator[Metric]:
        """The metrics, for a scrape."""
        if self._heard is None:
            return
        yield GaugeMetricFamily(
            "harbinger_watchdog_healthy",
            "1 while the alert Watchdog keeps coming, else 0.",
            value=self._lost is None,
        )
        yield GaugeMetricFamily(
            "harbinger_last_watchdog_timestamp_seconds",
            "Unix time of the last notification of the alert Watchdog.",
            value=self._heard.utc.timestamp(),
        )

    def _tell(self, now: Moment, *, heard: Moment, lost: Moment, found: Moment | None) -> None:
        last = heard.utc.isoformat(timespec="seconds")
        self._events.add(
            {
                "received": now.utc.isoformat(timespec="milliseconds"),
                "receiver": None,
                "alertname": LOST,
                "status": "resolved" if found else "firing",
                "labels": {"alertname": LOST, "severity": "critical"},
                "annotations": {"summary": f"The last Watchdog notification came at {last}."},
                "starts_at": lost.utc.isoformat(),
                "ends_at": found.utc.isoformat() if found else None,
                "fingerprint": None,
            }
        )
