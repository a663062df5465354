"""Over which windows an objective is looked at, and how fast its error budget may burn in each.

A burn rate is the share of errors divided by the share that the objective allows: at 1 the budget
lasts exactly as long as the period. The pairs are those of Google's SRE Workbook, chapter 5: over
30 days, burning at 14.4 for an hour spends 2 % of the budget, at 6 for 6 hours 5 %, at 3 for a day
and at 1 for 3 days 10 % each.
"""

from dataclasses import dataclass
from decimal import Decimal

PERIOD, PERIOD_DAYS = "30d", 30
QUICK, QUICK_INTERVAL = ("5m", "30m", "1h", "2h", "6h"), "30s"
SLOW, SLOW_INTERVAL = ("1d", "3d", PERIOD), "2m"
"""Long windows read many samples and move little, so they are computed less often."""

NOW, PROJECTED_FROM = "5m", "1h"
"""Whose burn rate is the current one, and whose is taken to go on when the end is projected."""


@dataclass(frozen=True)
class Pair:
    """Two windows that must burn alike: the long one says that it matters, the short that it lasts.

    `limit` is the burn rate above which an alert fires, `threshold` the annotation that states it.
    """

    long: str
    short: str
    limit: Decimal
    threshold: str

    @property
    def long_record(self) -> str:
        """The series that holds the burn rate of the long window."""
        return f"slo:burn_rate:over_{self.long}"

    @property
    def record(self) -> str:
        """The series that holds the smaller of the two burn rates."""
        return f"slo:burn_rate:min_{self.long}_{self.short}"


@dataclass(frozen=True)
class Burn:
    """An alert on the burn rate: fast enough for a page, or for a ticket.

    `suffix` makes the alert's name, `sloth_severity` is what Sloth calls it.
    """

    suffix: str
    sloth_severity: str
    speed: str
    wait: str
    pairs: tuple[Pair, Pair]


PAGE = Burn(
    suffix="BudgetBurnFast",
    sloth_severity="page",
    speed="fast",
    wait="2m",
    pairs=(
        Pair("1h", "5m", Decimal("14.4"), "threshold_fast"),
        Pair("6h", "30m", Decimal("6"), "threshold_slow"),
    ),
)
TICKET = Burn(
    suffix="BudgetBurnSlow",
    sloth_severity="ticket",
    speed="slowly but steadily",
    wait="15m",
    pairs=(
        Pair("1d", "2h", Decimal("3"), "threshold_fast"),
        Pair("3d", "6h", Decimal("1"), "threshold_slow"),
    ),
)
ABSENT_SUFFIX, ABSENT_WAIT = "SliAbsent", "10m"

LARGEST_BUDGET = 1 / max(pair.limit for burn in (PAGE, TICKET) for pair in burn.pairs)
"""A larger share of errors than 1 can't be had, so with this budget the page could never fire."""
