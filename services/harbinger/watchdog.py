"""Detects broken alerting: the alert Watchdog always fires, so notifications must keep coming."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.harbinger.events import Events

ALERT = "Watchdog"

LOST = "WatchdogLost"
"""Name of harbinger's own alert: fires when the Watchdog stops arriving, resolves when it
returns."""


@dataclass(frozen=True)
class Moment:
    """A point in time: `monotonic` seconds for differences, `utc` for display."""

    monotonic: float
    utc: datetime


class Watchdog(Collector):
    """Adds an event when no Watchdog notification has arrived for more than `timeout` seconds.

    `started` is the start of the service. Until the first notification, or `timeout` seconds after
    the start, the state of alerting is unknown, so the metrics are absent.
    """

    def __init__(self, events: Events, timeout: float, started: Moment) -> None:
        self._events = events
        self._timeout = timeout
        self._started = started
        self._last_seen: Moment | None = None
        self._lost_since: Moment | None = None

    def record(self, now: Moment) -> None:
        """Record the arrival of a notification."""
        self._last_seen = now
        if self._lost_since:
            self._add_event(now, last_seen=now, lost_since=self._lost_since, resolved=True)
            self._lost_since = None

    def check(self, now: Moment) -> None:
        """Add the event if notifications have stopped arriving. Call it about every second."""
        if self._lost_since:
            return
        if now.monotonic - (self._last_seen or self._started).monotonic > self._timeout:
            self._lost_since = now
            self._add_event(now, last_seen=self._last_seen, lost_since=now, resolved=False)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, for a scrape."""
        if self._last_seen or self._lost_since:
            yield GaugeMetricFamily(
                "harbinger_watchdog_healthy",
                "1 while the alert Watchdog keeps coming, 0 after a timeout without it; missing "
                "before either.",
                value=self._lost_since is None,
            )
        if self._last_seen:
            yield GaugeMetricFamily(
                "harbinger_last_watchdog_timestamp_seconds",
                "Unix time of the last notification of the alert Watchdog; missing before the "
                "first.",
                value=self._last_seen.utc.timestamp(),
            )

    def _add_event(
        self, now: Moment, *, last_seen: Moment | None, lost_since: Moment, resolved: bool
    ) -> None:
        moment = (last_seen or self._started).utc.isoformat(timespec="seconds")
        summary = (
            f"The last Watchdog notification came at {moment}."
            if last_seen
            else f"No Watchdog notification has come since the start at {moment}."
        )
        self._events.add(
            {
                "received": now.utc.isoformat(timespec="milliseconds"),
                "receiver": None,
                "alertname": LOST,
                "status": "resolved" if resolved else "firing",
                "labels": {"alertname": LOST, "severity": "critical"},
                "annotations": {"summary": summary},
                "starts_at": lost_since.utc.isoformat(),
                "ends_at": now.utc.isoformat() if resolved else None,
                "fingerprint": None,
            }
        )
