"""The windows over which an objective is computed, and the burn rates at which its alerts fire.

A burn rate is the error ratio divided by the ratio that the objective allows: at a burn rate of 1,
the error budget lasts exactly as long as the period. The pairs and the shares of the budget that
they may spend come from Google's SRE Workbook, chapter 5; those of a period of 7 days are Sloth's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

QUICK, QUICK_INTERVAL = ("5m", "30m", "1h", "2h", "6h"), "30s"
SLOW_INTERVAL = "2m"
"""Windows and the evaluation interval; long windows read many samples and change slowly."""

NOW, PROJECTED_FROM = "5m", "1h"
"""The window of the current burn rate, and the one whose error ratio projections extrapolate."""

LEAST_ERRORS = 5
"""Bad events in the long window of a pair below which its alert stays silent.

A service that exactly keeps its objective has, by chance, five bad events or more among so few that
they exceed a burn rate of 14.4 in 1 of 30,000 windows (6 in 1 of 600). One lost event, which is all
that the burn rate alone would ask for after a quiet night, is there in 1 of 15 (1 of 7).
"""


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


PAGE_SUFFIX, TICKET_SUFFIX = "BudgetBurnFast", "BudgetBurnSlow"
ABSENT_SUFFIX, ABSENT_WAIT = "SliAbsent", "10m"


@dataclass(frozen=True)
class Period:
    """The days over which an objective is kept, and the alerts on what is left of them."""

    days: int
    page: Burn
    ticket: Burn

    @property
    def window(self) -> str:
        """The period as a range, such as 30d."""
        return f"{self.days}d"

    @property
    def slow(self) -> tuple[str, ...]:
        """The long windows, the period last."""
        return ("1d", "3d", self.window)


def _period(days: int, page: tuple[str, str], ticket: tuple[str, str]) -> Period:
    """A period whose alerts fire at these shares of its budget: those of the four long windows."""

    def pairs(
        shares: tuple[str, str], fast: tuple[int, str, str], slow: tuple[int, str, str]
    ) -> tuple[Pair, Pair]:
        first, second = (
            Pair(
                long,
                short,
                round(Decimal(share) * days * 24 / hours, 4).normalize(),
                f"threshold_{speed}",
            )
            for share, (hours, long, short), speed in zip(
                shares, (fast, slow), ("fast", "slow"), strict=True
            )
        )
        return first, second

    fast = pairs(page, (1, "1h", "5m"), (6, "6h", "30m"))
    slow = pairs(ticket, (24, "1d", "2h"), (72, "3d", "6h"))
    return Period(
        days,
        page=Burn(PAGE_SUFFIX, "page", "fast", "2m", fast),
        ticket=Burn(TICKET_SUFFIX, "ticket", "slowly but steadily", "15m", slow),
    )


DEFAULT_PERIOD = "30d"
PERIODS: Mapping[str, Period] = {
    period.window: period
    for period in (
        _period(7, ("0.08", "0.125"), ("0.2", "0.42")),
        _period(28, ("0.02", "0.05"), ("0.1", "0.1")),
        _period(30, ("0.02", "0.05"), ("0.1", "0.1")),
    )
}

LARGEST_BUDGET = 1 / max(pair.limit for one in PERIODS.values() for pair in one.page.pairs)
"""With this error budget or a larger one, a page could never fire: error ratios end at 1."""
