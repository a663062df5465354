"""The HTTP API of Alertmanager (v2): the parts that the operator's commands use.

Never reads the server's configuration, because it may contain secrets.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AwareDatetime, Field

from ops.http_api import Answer, EmptyIfNull, HttpApi, Kept, Labels


class Matcher(Answer):
    """A condition on one label; `str()` formats it as a PromQL label matcher."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        equal, regex = ("=", "=~") if self.is_equal else ("!=", "!~")
        value = json.dumps(self.value, ensure_ascii=False)
        return f"{self.name}{regex if self.is_regex else equal}{value}"


class Status(Answer):
    """`state` of a silence: active, pending, expired. Of an alert: active, suppressed, unprocessed.

    An alert also has the ids of the silences and of the alerts that suppress it and, if it comes
    from `groups`, the names of the time intervals that mute it.
    """

    state: str
    silenced_by: Annotated[list[str], EmptyIfNull] = Field(default_factory=list)
    inhibited_by: Annotated[list[str], EmptyIfNull] = Field(default_factory=list)
    muted_by: Annotated[list[str], EmptyIfNull] = Field(default_factory=list)


class Silence(Answer):
    """A silence as Alertmanager returns it."""

    id: str
    status: Status
    matchers: list[Matcher]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    created_by: str
    comment: str


class Receiver(Answer):
    """A receiver from Alertmanager's configuration."""

    name: str


class NotifiedAlert(Answer):
    """An alert in Alertmanager, with the receivers that its route selects."""

    labels: Labels
    status: Status
    receivers: list[Receiver]


class AlertGroup(Answer):
    """The alerts of which a receiver is notified together."""

    receiver: Receiver
    alerts: list[NotifiedAlert]


class Alertmanager(HttpApi):
    """A client of Alertmanager; every method may raise ApiError."""

    name = "Alertmanager"

    def alerts(self, matchers: Sequence[Matcher] = ()) -> list[NotifiedAlert]:
        """The current alerts, including silenced and inhibited ones."""
        answer = self.call("GET", "/api/v2/alerts", params={"filter": [*map(str, matchers)]})
        return self.parse(list[Kept[NotifiedAlert]], answer)

    def groups(self, matchers: Sequence[Matcher] = ()) -> list[AlertGroup]:
        """The groups of the current alerts, including muted ones."""
        filters = {"filter": [*map(str, matchers)]}
        answer = self.call("GET", "/api/v2/alerts/groups", params=filters)
        return self.parse(list[Kept[AlertGroup]], answer)

    def post_alerts(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Send alerts, as Prometheus does."""
        self.call("POST", "/api/v2/alerts", json=[dict(alert) for alert in alerts])

    def silences(self) -> list[Silence]:
        """All silences, including expired ones not yet deleted."""
        return self.parse(list[Kept[Silence]], self.call("GET", "/api/v2/silences"))

    def set_silence(self, silence: Mapping[str, Any]) -> str:
        """Create a silence, or update the one with its `id`. Returns the new id."""
        answer = self.call("POST", "/api/v2/silences", json=dict(silence))
        return self.parse(str, answer, "silenceID")

    def expire_silence(self, silence_id: str) -> None:
        """End a silence now."""
        self.call("DELETE", f"/api/v2/silence/{quote(silence_id, safe='')}")
