"""Service level objectives in Sloth's format `prometheus/v1`, limited to event-based indicators.

https://sloth.dev/specs/default/ describes the format. Unsupported fields are refused: `disable`,
and `sli.raw` and `sli.plugin`, which give a ratio without the number of events to weigh it by.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from problems import Problems
from promql.durations import parse_duration
from promql.expressions import PromqlError, parse
from promql.labels import Labels
from rules.reader import Document, Place
from rules.schema import AlertName, LabelName, Strict, Text, name_matching, validate
from rules.series import Series
from rules.slo.windows import ABSENT_SUFFIX, LARGEST_BUDGET, NOW, PAGE, TICKET

_WINDOW = re.compile(r"\{\{-?\s*\.window\s*-?\}\}")
_RESERVED = "sloth_"
_ALLOWED_LABELS = frozenset({"namespace", "job"})
_PROBE = "1h1m1s"
"""A window that nobody writes: once it replaces {{.window}}, other ranges in a query are fixed."""


def _percentage(value: float) -> float:
    lowest = 100 * (1 - LARGEST_BUDGET)
    if not math.isfinite(value) or not lowest < Decimal(str(value)) < 100:
        raise ValueError(
            f"{value:g} % is out of range. Write a percentage above {lowest:.2f}, below which the"
            " page can't fire, and below 100, which leaves no budget; for example 99.9."
        )
    return value


def _query(text: str) -> str:
    if not _WINDOW.search(text):
        raise ValueError("the query has no {{.window}}. Write it as the range: [{{.window}}].")
    return text


def _unreserved_labels(labels: dict[str, str]) -> dict[str, str]:
    for name in labels:
        if name.startswith(_RESERVED):
            raise ValueError(f"the label {name} is set for every objective. Remove it.")
    return labels


SloName = Annotated[
    str,
    name_matching(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "Use lower-case letters, digits and - only."),
]
OwnLabels = Annotated[dict[LabelName, str], AfterValidator(_unreserved_labels)]
Query = Annotated[str, AfterValidator(_query)]


class Events(Strict):
    """Queries for bad and for all events per second, with {{.window}} as the range."""

    error_query: Query
    total_query: Query


class Sli(Strict):
    """The indicator: what the objective measures."""

    events: Events


class AlertSpec(Strict):
    """Labels and annotations of one alert, in addition to those of `Alerting`."""

    labels: OwnLabels = Field(default_factory=dict)
    annotations: dict[LabelName, str] = Field(default_factory=dict)


class Alerting(Strict):
    """The alerts of an objective; their names begin with `name`."""

    name: AlertName
    labels: OwnLabels = Field(default_factory=dict)
    annotations: dict[LabelName, str] = Field(default_factory=dict)
    page_alert: AlertSpec
    ticket_alert: AlertSpec


class SloSpec(Strict):
    """One objective; `objective` is in percent."""

    name: SloName
    objective: Annotated[float, AfterValidator(_percentage)]
    description: Text
    labels: OwnLabels = Field(default_factory=dict)
    sli: Sli
    alerting: Alerting


class SloFile(Strict):
    """One file; its objectives are validated one by one."""

    version: Literal["prometheus/v1"]
    service: SloName
    labels: OwnLabels = Field(default_factory=dict)
    slos: Annotated[list[Any], Field(min_length=1)]


@dataclass(frozen=True)
class Slo:
    """An objective of a service; all its rules add `labels`."""

    service: str
    labels: Mapping[str, str]
    spec: SloSpec
    place: Place

    @property
    def name(self) -> str:
        """The name, which is unique within the service."""
        return self.spec.name

    @property
    def id(self) -> str:
        """The unique id, the label `sloth_id` of its series."""
        return f"{self.service}-{self.name}"

    @property
    def objective(self) -> Decimal:
        """The promised ratio of good events, exact, hence a Decimal."""
        return Decimal(str(self.spec.objective)) / 100

    @property
    def budget(self) -> Decimal:
        """The ratio of bad events that the objective allows."""
        return 1 - self.objective

    @property
    def page(self) -> str:
        """The name of the alert for a fast burn of the error budget."""
        return self.spec.alerting.name + PAGE.suffix

    @property
    def ticket(self) -> str:
        """The name of the alert for a slow but steady burn of the error budget."""
        return self.spec.alerting.name + TICKET.suffix

    @property
    def absent(self) -> str:
        """The name of the alert for an indicator without a value."""
        return self.spec.alerting.name + ABSENT_SUFFIX

    def errors(self, window: str) -> str:
        """The query for bad events per second over a window."""
        return _in_window(window, self.spec.sli.events.error_query)

    def total(self, window: str) -> str:
        """The query for all events per second over a window."""
        return _in_window(window, self.spec.sli.events.total_query)

    def indicator(self, window: str) -> str:
        """The query for the ratio of bad events over a window; 0 if there are no events.

        Both sides of the `or` use both queries, so the result is empty if either query is: a
        counter that vanished must not look like a night without traffic.
        """
        errors, total = self.errors(window), self.total(window)
        return f"({errors}) / (({total}) > 0) or (({total}) == 0 and ({errors}))"


def load_slos(documents: Iterable[Document], problems: Problems) -> list[Slo]:
    """The valid objectives; reports each invalid or duplicate one."""
    found: dict[str, Slo] = {}
    for slo in (slo for document in documents for slo in _read_file(document, problems)):
        first = found.setdefault(slo.id, slo)
        if first is not slo:
            text = f"the objective {slo.id} is already at {first.place}. Rename one."
            slo.place.at("name").report(problems, text)
    return list(found.values())


def _read_file(document: Document, problems: Problems) -> Iterator[Slo]:
    top = Place(document)
    file = validate(SloFile, document.data, top, problems)
    for number, data in enumerate(file.slos if file else []):
        place = top.at("slos", number)
        spec = validate(SloSpec, data, place, problems)
        if file and spec:
            yield Slo(file.service, {**file.labels, **spec.labels}, spec, place)


def check_queries(slo: Slo, series: Series, problems: Problems) -> bool:
    """Whether the queries of an objective are valid; reports each problem of theirs."""
    before = len(problems)
    events = slo.place.at("sli", "events")
    queries = {"error_query": slo.errors(_PROBE), "total_query": slo.total(_PROBE)}
    labels = [_check_query(slo, name, text, series, problems) for name, text in queries.items()]
    if len(problems) == before and None not in labels and labels[0] != labels[1]:
        kept = " and ".join(", ".join(sorted(names or ())) or "none" for names in labels)
        text = f"the two queries keep different labels ({kept}). Aggregate both by the same labels."
        events.report(problems, text)
    if len(problems) == before:
        try:
            parse(slo.indicator(NOW))
        except PromqlError as error:
            events.report(problems, f"the ratio of the two queries {error}")
    return len(problems) == before


def _check_query(slo: Slo, name: str, text: str, series: Series, problems: Problems) -> Labels:
    """The labels of a query's result; reports each problem of the query."""
    place, subject = slo.place.at("sli", "events", name), f"`{name}` of {slo.id}"
    try:
        # The rules put the query into parentheses; a comment at its end would hide the closing one.
        expression = parse(f"({text})")
    except PromqlError as error:
        place.report(problems, f"{subject} {error}")
        return None
    for reason in series.check(expression):
        place.report(problems, f"{subject}: {reason}")
    if any(length != parse_duration(_PROBE) for length in expression.ranges):
        reason = "looks back a fixed time. Write each range as [{{.window}}]."
        place.report(problems, f"{subject} {reason}")
    labels = series.result_labels(expression)
    if labels is not None and not labels <= _ALLOWED_LABELS:
        kept = ", ".join(sorted(labels - _ALLOWED_LABELS))
        reason = f"keeps {kept}: an objective is one number. Add `sum by (namespace, job)`."
        place.report(problems, f"{subject} {reason}")
    return labels


def _in_window(window: str, query: str) -> str:
    return _WINDOW.sub(lambda _: window, query).strip()
