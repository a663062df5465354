"""The HTTP APIs of Prometheus (v1) and Alertmanager (v2), as far as they are used here.

Neither server's configuration is ever asked for: it may hold what nobody should read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ops.answers import (
    Described,
    Matcher,
    NotifiedAlert,
    RuleGroup,
    Sample,
    Series,
    Silence,
    Target,
)
from ops.http_api import ApiError, HttpApi


class Prometheus(HttpApi):
    """Every method raises ApiError."""

    def __init__(self, address: str, **options: Any) -> None:
        super().__init__("Prometheus", address, **options)

    def version(self) -> str:
        """For example 3.13.5; a build without a version is `unknown`."""
        return (
            _as(dict[str, Any], self, self._data("GET", "/status/buildinfo")).get("version")
            or "unknown"
        )

    def targets(self) -> list[Target]:
        """What is scraped now."""
        data = self._data("GET", "/targets", params={"state": "active"})
        return _member(list[Target], self, data, "activeTargets")

    def rules(self) -> list[RuleGroup]:
        """The rule groups that are loaded."""
        return _member(list[RuleGroup], self, self._data("GET", "/rules"), "groups")

    def metadata(self) -> dict[str, list[Described]]:
        """What targets say about their metrics, by name."""
        return _as(dict[str, list[Described]], self, self._data("GET", "/metadata"))

    def query(self, expression: str) -> list[Sample]:
        """The series of an expression now."""
        data = self._data("POST", "/query", data={"query": expression})
        return _member(list[Sample], self, data, "result")

    def query_range(
        self, expression: str, start: datetime, end: datetime, step_seconds: float
    ) -> list[Series]:
        """The series of an expression from `start` to `end`, both included."""
        form = {"query": expression, "step": str(step_seconds)}
        form |= {"start": str(start.timestamp()), "end": str(end.timestamp())}
        return _member(list[Series], self, self._data("POST", "/query_range", data=form), "result")

    def label_values(
        self, label: str, selector: str | None, *, start: datetime, end: datetime
    ) -> list[str]:
        """The values of a label, on the series of a selector if there is one, in alphabet order."""
        asked = {"start": str(start.timestamp()), "end": str(end.timestamp())}
        if selector:
            asked["match[]"] = selector
        return _as(list[str], self, self._data("GET", f"/label/{label}/values", params=asked))

    def _data(self, method: str, path: str, **options: Any) -> Any:
        return _member(Any, self, self.call(method, f"/api/v1{path}", **options), "data")


class Alertmanager(HttpApi):
    """Every method raises ApiError."""

    def __init__(self, address: str, **options: Any) -> None:
        super().__init__("Alertmanager", address, **options)

    def alerts(self, matchers: Sequence[Matcher] = ()) -> list[NotifiedAlert]:
        """The alerts that it holds now, silenced and inhibited ones as well."""
        filters = [f'{matcher.name}="{_quoted(matcher.value)}"' for matcher in matchers]
        answer = self.call("GET", "/api/v2/alerts", params={"filter": filters})
        return _as(list[NotifiedAlert], self, answer)

    def silences(self) -> list[Silence]:
        """All silences, the expired ones that it still keeps as well."""
        return _as(list[Silence], self, self.call("GET", "/api/v2/silences"))

    def set_silence(self, silence: Mapping[str, Any]) -> str:
        """Create a silence, or update the one with its `id`; the id that it has now."""
        answer = self.call("POST", "/api/v2/silences", json=dict(silence))
        return _member(str, self, answer, "silenceID")

    def expire(self, silence_id: str) -> None:
        """End a silence now."""
        self.call("DELETE", f"/api/v2/silence/{silence_id}")


def _member(type_: Any, api: HttpApi, answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        raise _unexpected(api, f"has no {name}")
    return _as(type_, api, answer[name])


def _as(type_: Any, api: HttpApi, answer: Any) -> Any:
    try:
        return TypeAdapter(type_).validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _unexpected(api, f"{place}: {first['msg']}") from None


def _unexpected(api: HttpApi, what: str) -> ApiError:
    return ApiError(f"{api.name} at {api.shown_address} gave an answer of another form: {what}")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
