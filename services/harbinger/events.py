"""The last events, in memory, and how many there were."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from prometheus_client import Counter
from prometheus_client.registry import CollectorRegistry

OTHER = "other"
"""Stands for the name of every alert beyond those that are counted by name, or without one."""

MAX_BYTES = 4 * 1024 * 1024
"""What all kept events may weigh together, as JSON; a large event pushes out several old ones. In
memory they take about seven times as much."""


@dataclass(frozen=True)
class _Kept:
    event: Mapping[str, Any]
    size: int


class Events:
    """The last `capacity` events, and a counter of all of them by alert and status.

    An event is a JSON object with at least `alertname` and `status`. The first `names` alerts are
    counted by their names and the others together, so that a stranger's payload can't make series
    without end.
    """

    def __init__(self, registry: CollectorRegistry, *, capacity: int, names: int) -> None:
        self._kept: deque[_Kept] = deque()
        self._capacity = capacity
        self._bytes = 0
        self._names = names
        self._counted: set[str] = set()
        self._number = 0
        self._total = Counter(
            "harbinger_events",
            "Events, by alert and status.",
            ["alertname", "status"],
            registry=registry,
        )

    def count(self, alertname: str, status: str) -> None:
        """Count an event of which nothing else is kept."""
        if alertname and len(self._counted) < self._names:
            self._counted.add(alertname)
        name = alertname if alertname in self._counted else OTHER
        self._total.labels(name, status).inc()

    def add(self, event: Mapping[str, Any]) -> None:
        """Count an event and keep it, under the next number."""
        self.count(event["alertname"], event["status"])
        self._number += 1
        numbered = {"number": self._number, **event}
        size = len(json.dumps(numbered))
        self._kept.append(_Kept(numbered, size))
        self._bytes += size
        while len(self._kept) > self._capacity or self._bytes > MAX_BYTES:
            self._bytes -= self._kept.popleft().size

    def last(
        self, limit: int, *, alertname: str | None = None, status: str | None = None
    ) -> list[Mapping[str, Any]]:
        """At most `limit` events, the newest first; of one alert or status if asked for."""
        matching = (
            kept.event
            for kept in reversed(self._kept)
            if alertname in (None, kept.event["alertname"])
            and status in (None, kept.event["status"])
        )
        return list(islice(matching, limit))
