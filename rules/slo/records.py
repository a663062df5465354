"""The series that are recorded of an objective."""

from collections.abc import Iterator

from rules.schema import RecordRule
from rules.slo.objective import Slo
from rules.slo.windows import NOW, PAGE, PERIOD, PERIOD_DAYS, PROJECTED_FROM, TICKET, Pair
from rules.slo.words import error_ratio, identity, number, series

DAY_SECONDS = 86_400
LONGEST_PROJECTION = 365 * DAY_SECONDS
"""Seconds, a year: later than this is not worth telling from never."""
_NO_ERRORS = "1e-12"
"""Less than any share of errors that is measured, and not 0, by which nothing can be divided."""


def sli(slo: Slo, window: str) -> str:
    """The share of bad events over a window, 0 without any; nothing if either query gives nothing.

    Both queries must give a value in either half, or one that has vanished would look like a night
    without traffic.
    """
    errors, total = slo.errors(window), slo.total(window)
    return f"({errors}) / (({total}) > 0) or (({total}) == 0 and ({errors}))"


def indicator(slo: Slo, window: str) -> RecordRule:
    """The share of bad events over a window, under Sloth's name."""
    return _record(slo, f"slo:sli_error:ratio_rate{window}", sli(slo, window), sloth_window=window)


def derived(slo: Slo) -> Iterator[RecordRule]:
    """What follows from the shares: burn rates, the budget that is left and how long it lasts."""
    budget = number(slo.budget)
    left = series(slo, "slo:period_error_budget_remaining:ratio")
    seconds = number(slo.budget * PERIOD_DAYS * DAY_SECONDS)
    yield _record(slo, "slo:objective:ratio", f"vector({number(slo.objective)})")
    yield _record(slo, "slo:error_budget:ratio", f"vector({budget})")
    yield _record(slo, "slo:time_period:days", f"vector({PERIOD_DAYS})")
    yield _record(slo, "slo:current_burn_rate:ratio", f"{error_ratio(slo, NOW)} / {budget}")
    yield _record(slo, "slo:period_burn_rate:ratio", f"{error_ratio(slo, PERIOD)} / {budget}")
    yield _record(
        slo,
        "slo:period_error_budget_remaining:ratio",
        f"1 - {series(slo, 'slo:period_burn_rate:ratio')}",
    )
    yield _record(
        slo,
        "slo:error_budget_exhaustion:seconds",
        f"clamp_max({seconds} * clamp_min({left}, 0) / ignoring (sloth_window)"
        f" clamp_min({error_ratio(slo, PROJECTED_FROM)}, {_NO_ERRORS}), {LONGEST_PROJECTION})",
    )
    for burn in (PAGE, TICKET):
        for pair in burn.pairs:
            yield _record(slo, pair.record, f"{_smaller(slo, pair)} / {budget}")
    yield _record(
        slo,
        "sloth_slo_info",
        "vector(1)",
        sloth_mode="vaultmesh",
        sloth_objective=number(slo.objective * 100),
        sloth_spec="prometheus/v1",
    )


def _smaller(slo: Slo, pair: Pair) -> str:
    """The smaller share of errors of two windows; nothing if one is missing."""
    long, short = error_ratio(slo, pair.long), error_ratio(slo, pair.short)
    ignoring = "ignoring (sloth_window)"
    return f"({long} < {ignoring} {short} or {short} <= {ignoring} {long})"


def _record(slo: Slo, name: str, expr: str, **labels: str) -> RecordRule:
    # Not validated: Sloth's own name for its series of facts has no colon.
    return RecordRule.model_construct(
        record=name, expr=expr, labels={**slo.labels, **identity(slo), **labels}
    )
