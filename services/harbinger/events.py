"""Alertmanager's notifications (webhook payload, version 4), and the events made from them."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

from prometheus_client import Counter
from prometheus_client.registry import CollectorRegistry
from pydantic import AwareDatetime, ConfigDict, Field

from services.shell import Body

MAX_NAME = 256

MAX_BYTES = 4 * 1024 * 1024
"""Maximum total size of the kept events as JSON; a large event may evict several old ones.
In memory they take about seven times as much."""

OTHER = "other"
"""Label value for alerts without a name, and for names beyond the limit of the counter."""

AlertName = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Status = Literal["firing", "resolved"]


class _Message(Body):
    """Base model: ignores unknown fields, because a newer Alertmanager may send more."""

    model_config = ConfigDict(extra="ignore")


class Alert(_Message):
    """One alert of a notification. `endsAt` is meaningful only if the alert is resolved."""

    status: Status
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    fingerprint: str

    @property
    def name(self) -> str:
        """The alert's name; empty if it has none or one that is too long.

        Such an alert is not refused, because Alertmanager would not resend the others of its group.
        """
        name = self.labels.get("alertname", "")
        return name if len(name) <= MAX_NAME else ""


class Notification(_Message):
    """One notification: the alerts of one group, for one receiver."""

    version: Literal["4"]
    receiver: str
    alerts: Annotated[list[Alert], Field(min_length=1)]


def event_of(alert: Alert, receiver: str, received: str) -> dict[str, Any]:
    """Make the event for an alert of a notification. All times in it are ISO 8601."""
    return {
        "received": received,
        "receiver": receiver,
        "alertname": alert.name,
        "status": alert.status,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": alert.ends_at.isoformat() if alert.status == "resolved" else None,
        "fingerprint": alert.fingerprint,
    }


@dataclass(frozen=True)
class _Kept:
    event: Mapping[str, Any]
    size: int


class Events:
    """The latest `capacity` events, and a counter of all events by alert and status.

    An event is a JSON object with at least `alertname` and `status`. The counter has a series for
    each of the first `names` alert names and one for all others, so that senders can't create
    unlimited series.
    """

    def __init__(self, registry: CollectorRegistry, *, capacity: int, names: int) -> None:
        self._kept: deque[_Kept] = deque()
        self._capacity = capacity
        self._bytes = 0
        self._max_names = names
        self._counted: set[str] = set()
        self._number = 0
        self._total = Counter(
            "harbinger_events",
            "Events by alert and status; alerts beyond a limit together as other.",
            ["alertname", "status"],
            registry=registry,
        )

    def count(self, alertname: str, status: str) -> None:
        """Count an event without keeping it."""
        if alertname and len(self._counted) < self._max_names:
            self._counted.add(alertname)
        name = alertname if alertname in self._counted else OTHER
        self._total.labels(name, status).inc()

    def add(self, event: Mapping[str, Any]) -> None:
        """Count an event and keep it under the next number."""
        self.count(event["alertname"], event["status"])
        self._number += 1
        numbered = {"number": self._number, **event}
        size = len(json.dumps(numbered))
        self._kept.append(_Kept(numbered, size))
        self._bytes += size
        while len(self._kept) > self._capacity or self._bytes > MAX_BYTES:
            self._bytes -= self._kept.popleft().size

    def latest(
        self, limit: int, *, alertname: str | None = None, status: str | None = None
    ) -> list[Mapping[str, Any]]:
        """At most `limit` events, newest first; only those of one alert or status if given."""
        matching = (
            kept.event
            for kept in reversed(self._kept)
            if alertname in (None, kept.event["alertname"])
            and status in (None, kept.event["status"])
        )
        return list(islice(matching, limit))
