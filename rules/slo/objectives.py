"""The objectives of all files as values, and a stack's choices for them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from problems import Problems
from rules.reader import Document, Place
from rules.schema import validate
from rules.slo.indicator import Indicator
from rules.slo.specification import SloFile, SloSpec
from rules.slo.windows import (
    ABSENT_SUFFIX,
    DEFAULT_PERIOD,
    PAGE_SUFFIX,
    TICKET_SUFFIX,
    Period,
)

SEVERITIES: Mapping[str, str] = {"page": "critical", "ticket": "warning"}
"""Sloth's severities, and those that have a route here."""
SEVERITIES_SETTING = "vaultmesh:settings.rules.severities"


@dataclass(frozen=True, kw_only=True)
class SloOptions:
    """A stack's choices for all objectives.

    `period` is one of PERIODS. `severities` maps the severities that the files use to those that
    have a route.
    """

    period: str = DEFAULT_PERIOD
    severities: Mapping[str, str] = field(default_factory=dict)

    def severity(self, name: str) -> str:
        """The severity that has a route; the name itself if nothing maps it."""
        return {**SEVERITIES, **self.severities}.get(name, name)


DEFAULT_OPTIONS = SloOptions()


@dataclass(frozen=True)
class Slo:
    """An objective of a service; all its rules add `labels`."""

    service: str
    labels: Mapping[str, str]
    spec: SloSpec
    place: Place
    period: Period

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

    @cached_property
    def indicator(self) -> Indicator:
        """What the objective measures."""
        return Indicator(self.spec.sli)

    @property
    def page(self) -> str | None:
        """The name of the alert for a fast burn of the error budget; None if it is disabled."""
        alerting = self.spec.alerting
        return None if alerting.page_alert.disable else alerting.name + PAGE_SUFFIX

    @property
    def ticket(self) -> str | None:
        """The name of the alert for a slow but steady burn of the budget; None if disabled."""
        alerting = self.spec.alerting
        return None if alerting.ticket_alert.disable else alerting.name + TICKET_SUFFIX

    @property
    def absent(self) -> str | None:
        """The name of the alert for an indicator without a value; None without other alerts."""
        alerting = self.spec.alerting
        return None if alerting.is_silent else alerting.name + ABSENT_SUFFIX


def load_slos(documents: Iterable[Document], period: Period, problems: Problems) -> list[Slo]:
    """The valid objectives; reports each invalid or duplicate one."""
    found: dict[str, Slo] = {}
    for slo in (slo for document in documents for slo in _read_file(document, period, problems)):
        first = found.setdefault(slo.id, slo)
        if first is not slo:
            text = f"the objective {slo.id} is already at {first.place}. Rename one."
            slo.place.at("name").report(problems, text)
    return list(found.values())


def _read_file(document: Document, period: Period, problems: Problems) -> Iterator[Slo]:
    top = Place(document)
    if isinstance(document.data, dict) and "apiVersion" in document.data:
        text = "`apiVersion` begins another form of objectives. Write Sloth's `prometheus/v1`."
        top.at("apiVersion").report(problems, text)
        return
    file = validate(SloFile, document.data, top, problems)
    for number, data in enumerate(file.slos if file else []):
        place = top.at("slos", number)
        spec = validate(SloSpec, data, place, problems)
        if file and spec:
            yield Slo(file.service, {**file.labels, **spec.labels}, spec, place, period)
