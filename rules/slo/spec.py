"""Reads objectives in the form of Sloth's `prometheus/v1`, as far as it is about events.

https://sloth.dev/specs/default/ describes the form. What would not be used is refused: `sli.raw`
and `sli.plugin`, because a ratio that is given can't be weighed by events, and `disable`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from rules.fields import AlertName, LabelName, SloName, Text
from rules.problems import Problems
from rules.reader import Document, Place
from rules.schema import Strict, validate
from rules.slo.windows import ABSENT_SUFFIX, LARGEST_BUDGET, PAGE, TICKET

_WINDOW = re.compile(r"\{\{-?\s*\.window\s*-?\}\}")
_OWN = "sloth_"


def _percentage(value: float) -> float:
    lowest = 100 * (1 - LARGEST_BUDGET)
    if not lowest < Decimal(str(value)) < 100:
        raise ValueError(
            f"{value:g} % is out of range. Write a percentage above {lowest:.2f}, below which the"
            " page can't fire, and below 100, which leaves no budget; for example 99.9."
        )
    return value


def _query(text: str) -> str:
    if not _WINDOW.search(text):
        raise ValueError("has no {{.window}}. Write it as the range: [{{.window}}].")
    return text


def _own_labels(labels: dict[str, str]) -> dict[str, str]:
    for name in labels:
        if name.startswith(_OWN):
            raise ValueError(f"the label {name} is set for every objective. Remove it.")
    return labels


Labels = Annotated[dict[LabelName, str], AfterValidator(_own_labels)]
Query = Annotated[str, AfterValidator(_query)]


class Events(Strict):
    """The share of bad events: two queries per second, with {{.window}} for the range."""

    error_query: Query
    total_query: Query


class Sli(Strict):
    """What is measured."""

    events: Events


class AlertSpec(Strict):
    """What one alert carries on top of what all alerts of the objective do."""

    labels: Labels = {}
    annotations: dict[LabelName, str] = {}


class Alerting(Strict):
    """`name` is what the names of the objective's alerts begin with."""

    name: AlertName
    labels: Labels = {}
    annotations: dict[LabelName, str] = {}
    page_alert: AlertSpec
    ticket_alert: AlertSpec


class SloSpec(Strict):
    """One objective, in percent."""

    name: SloName
    objective: Annotated[float, AfterValidator(_percentage)]
    description: Text
    labels: Labels = {}
    sli: Sli
    alerting: Alerting


class SpecFile(Strict):
    """One file; its objectives are validated one by one."""

    version: Literal["prometheus/v1"]
    service: SloName
    labels: Labels = {}
    slos: Annotated[list[Any], Field(min_length=1)]


@dataclass(frozen=True)
class Slo:
    """An objective of a service, and where it stands."""

    service: str
    labels: Mapping[str, str]
    spec: SloSpec
    document: Document
    place: Place

    @property
    def id(self) -> str:
        """What tells it from all others: the label `sloth_id` of its series."""
        return f"{self.service}-{self.spec.name}"

    @property
    def objective(self) -> Decimal:
        """The share of good events that is promised, exactly as written."""
        return Decimal(str(self.spec.objective)) / 100

    @property
    def budget(self) -> Decimal:
        """The share of bad events that this leaves."""
        return 1 - self.objective

    @property
    def page(self) -> str:
        """The name of the alert that its budget burns fast."""
        return self.spec.alerting.name + PAGE.suffix

    @property
    def ticket(self) -> str:
        """The name of the alert that its budget burns slowly but steadily."""
        return self.spec.alerting.name + TICKET.suffix

    @property
    def absent(self) -> str:
        """The name of the alert that nothing is known of it."""
        return self.spec.alerting.name + ABSENT_SUFFIX

    def errors(self, window: str) -> str:
        """Bad events a second over a window."""
        return _in(window, self.spec.sli.events.error_query)

    def total(self, window: str) -> str:
        """All events a second over a window."""
        return _in(window, self.spec.sli.events.total_query)

    def note(self, problems: Problems, text: str, *field: str) -> None:
        """Note a problem with a field of the objective."""
        problems.add(self.document.file, self.document.line((*self.place, *field)), text)


def load_slos(documents: Iterable[Document], problems: Problems) -> list[Slo]:
    """The objectives of the files that have the right shape; notes what hasn't, and each repeat."""
    found: dict[str, Slo] = {}
    for slo in (slo for document in documents for slo in _in_file(document, problems)):
        first = found.setdefault(slo.id, slo)
        if first is not slo:
            where = f"{first.document.file}:{first.document.line(first.place)}"
            slo.note(problems, f"the objective {slo.id} is already at {where}. Rename one.", "name")
    return list(found.values())


def _in_file(document: Document, problems: Problems) -> Iterator[Slo]:
    file = validate(SpecFile, document, (), document.data, problems)
    for number, data in enumerate(file.slos if file else []):
        place: Place = ("slos", number)
        spec = validate(SloSpec, document, place, data, problems)
        if file and spec:
            yield Slo(file.service, {**file.labels, **spec.labels}, spec, document, place)


def _in(window: str, query: str) -> str:
    return _WINDOW.sub(lambda _: window, query).strip()
