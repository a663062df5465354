"""An objective of a service, as the generator and the rest of the program see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from problems import Problems
from rules.reader import Document, Place
from rules.slo.spec import SloSpec, in_window
from rules.slo.windows import ABSENT_SUFFIX, PAGE, TICKET


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
        return in_window(window, self.spec.sli.events.error_query)

    def total(self, window: str) -> str:
        """All events a second over a window."""
        return in_window(window, self.spec.sli.events.total_query)

    def note(self, problems: Problems, text: str, *field: str) -> None:
        """Note a problem with a field of the objective."""
        problems.add(self.document.file, self.document.line((*self.place, *field)), text)
