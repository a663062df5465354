"""The windows over which an objective is computed, and the burn rates at which its alerts fire.

A burn rate is the error ratio divided by the ratio that the objective allows: at a burn rate of 1,
the error budget lasts exactly as long as the period. The pairs come from Google's SRE Workbook,
chapter 5. Of the budget for 30 days, a burn rate of 14.4 spends 2 % in an hour, 6 spends 5 % in 6
hours, 3 spends 10 % in a day, and 1 spends 10 % in 3 days.
"""

from dataclasses import dataclass
from decimal import Decimal

PERIOD, PERIOD_DAYS = "30d", 30
QUICK, QUICK_INTERVAL = ("5m", "30m", "1h", "2h", "6h"), "30s"
SLOW, SLOW_INTERVAL = ("1d", "3d", PERIOD), "2m"
"""Windows and their evaluation interval: long windows read many samples and change slowly."""

NOW, PROJECTED_FROM = "5m", "1h"
"""The window of the current burn rate, and the one whose error ratio projections extrapolate."""


@dataclass(frozen=True)
class Pair:
    """Two windows. An alert fires if the burn rate of both exceeds `limit`.

    The long window shows that the errors matter, the short one that they continue. The annotation
    named `threshold` states the limit.
    """

    long: str
    short: str
    limit: Decimal
    threshold: str

    @property
    def long_record(self) -> str:
        """The name of the record of the burn rate over the long window."""
        return f"slo:burn_rate:over_{self.long}"

    @property
    def record(self) -> str:
        """The name of the record of the smaller one of the two burn rates."""
        return f"slo:burn_rate:min_{self.long}_{self.short}"


@dataclass(frozen=True)
class Burn:
    """An alert on the burn rate: a page or a ticket.

    The alert's name ends in `suffix`, `sloth_severity` is the value of Sloth's label, `wait` is its
    `for`, and `speed` completes the sentence "The error budget burns ...".
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
"""With this error budget or a larger one, the page could never fire: error ratios end at 1."""
