"""The HTTP API of Alertmanager (v2): the parts that the operator's commands use.

The server's configuration is never asked for: it may hold secrets.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from ops.http_api import Answer, EmptyIfNull, HttpApi, Labels


class Matcher(Answer):
    """A condition that a silence sets for one label; `str()` writes it as PromQL does."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        equal, regex = ("=", "=~") if self.is_equal else ("!=", "!~")
        return f'{self.name}{regex if self.is_regex else equal}"{self.value}"'


class Status(Answer):
    """`state` of a silence: active, pending, expired. Of an alert: active, suppressed, unprocessed.

    An alert also has the ids of the silences and of the alerts that suppress it.
    """

    state: str
    silenced_by: Annotated[list[str], EmptyIfNull] = Field(default_factory=list)
    inhibited_by: Annotated[list[str], EmptyIfNull] = Field(default_factory=list)


class Silence(Answer):
    """A silence that Alertmanager keeps."""

    id: str
    status: Status
    matchers: list[Matcher]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    created_by: str
    comment: str


class Receiver(Answer):
    """A receiver of notifications."""

    name: str


class NotifiedAlert(Answer):
    """An alert that Alertmanager holds, and the receivers that its route chooses."""

    labels: Labels
    status: Status
    receivers: list[Receiver]


class Alertmanager(HttpApi):
    """An Alertmanager server; every method raises ApiError."""

    name = "Alertmanager"

    def alerts(self, matchers: Sequence[Matcher] = ()) -> list[NotifiedAlert]:
        """The alerts that it holds now, silenced and inhibited ones included."""
        filters = [f"{one.name}={json.dumps(one.value, ensure_ascii=False)}" for one in matchers]
        answer = self.call("GET", "/api/v2/alerts", params={"filter": filters})
        return self.parse(list[NotifiedAlert], answer)

    def silences(self) -> list[Silence]:
        """All silences, including expired ones that it still keeps."""
        return self.parse(list[Silence], self.call("GET", "/api/v2/silences"))

    def set_silence(self, silence: Mapping[str, Any]) -> str:
        """Create a silence, or update the one with its `id`; the id that it has now."""
        answer = self.call("POST", "/api/v2/silences", json=dict(silence))
        return self.parse(str, answer, "silenceID")

    def expire_silence(self, silence_id: str) -> None:
        """End a silence now."""
        self.call("DELETE", f"/api/v2/silence/{silence_id}")
