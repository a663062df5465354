"""The HTTP API of Prometheus (v1): the parts that the operator's commands use.

Never reads the server's configuration, because it may contain secrets.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from ops.http_api import Answer, EmptyIfNull, HttpApi, Kept, Labels

WATCHDOG = "Watchdog"
"""The alert that always fires: only its absence is a problem."""

Point = tuple[float, float]
"""(Unix time, value). Prometheus sends values as strings; they are parsed to floats."""


class Target(Answer):
    """A scrape target; `health` is `up`, `down` or, before the first scrape, `unknown`.

    `scrape_pool` is the name of its job in the configuration.
    """

    labels: Labels
    scrape_pool: str = ""
    health: str
    last_error: str = ""
    last_scrape: AwareDatetime


class ActiveAlert(Answer):
    """One active instance of an alert; `state` is `pending` or `firing`."""

    labels: Labels
    annotations: Labels
    state: str
    active_at: AwareDatetime | None = None
    value: float


class Rule(Answer):
    """A rule; `type` is `alerting` or `recording`.

    `health` is `ok`, `err` or, before the first evaluation, `unknown`. `duration` is the `for` of
    an alert in seconds.
    """

    name: str
    query: str
    type: str
    health: str
    last_error: str = ""
    labels: Labels = Field(default_factory=dict)
    annotations: Labels = Field(default_factory=dict)
    duration: float = 0
    alerts: Annotated[list[Kept[ActiveAlert]], EmptyIfNull] = Field(default_factory=list)


class RuleGroup(Answer):
    """A group of rules, evaluated every `interval` seconds."""

    name: str
    file: str
    interval: float
    rules: Annotated[list[Kept[Rule]], EmptyIfNull]


class Sample(Answer):
    """One sample of a series, from an instant query."""

    metric: Labels
    value: Point


class Series(Answer):
    """The samples of a series, from a range query."""

    metric: Labels
    values: Annotated[list[Point], EmptyIfNull]


class Metadata(Answer):
    """A metric's metadata as a target exports it."""

    type: str


class Prometheus(HttpApi):
    """A client of Prometheus; every method may raise ApiError."""

    name = "Prometheus"

    def version(self) -> str:
        """The server's version, such as 3.13.5; `unknown` for a build without one."""
        answer = self._get("/status/buildinfo")
        return self.parse(dict[str, Any], answer, "data").get("version") or "unknown"

    def targets(self) -> list[Target]:
        """All active targets."""
        answer = self._get("/targets", state="active")
        return self.parse(list[Kept[Target]], answer, "data", "activeTargets")

    def rules(self) -> list[RuleGroup]:
        """All loaded rule groups."""
        return self.parse(list[Kept[RuleGroup]], self._get("/rules"), "data", "groups")

    def metadata(self) -> dict[str, list[Metadata]]:
        """Metric metadata by metric name, one entry for each distinct version."""
        return self.parse(dict[str, list[Metadata]], self._get("/metadata"), "data")

    def query(self, expression: str) -> list[Sample]:
        """Run an instant query."""
        answer = self.call("POST", "/api/v1/query", data={"query": expression})
        return self.parse(list[Kept[Sample]], answer, "data", "result")

    def query_range(
        self, expression: str, start: datetime, end: datetime, step_seconds: float
    ) -> list[Series]:
        """Run a range query from `start` to `end`, both included."""
        form = {"query": expression, "step": str(step_seconds), **_range(start, end)}
        answer = self.call("POST", "/api/v1/query_range", data=form)
        return self.parse(list[Kept[Series]], answer, "data", "result")

    def _get(self, path: str, **parameters: str) -> Any:
        return self.call("GET", f"/api/v1{path}", params=parameters)


def _range(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": str(start.timestamp()), "end": str(end.timestamp())}
