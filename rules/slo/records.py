"""The series that are recorded of an objective."""

from collections.abc import Iterator

from rules.schema import RecordRule
from rules.slo.objective import Slo
from rules.slo.windows import (
    NOW,
    PAGE,
    PERIOD,
    PERIOD_DAYS,
    PROJECTED_FROM,
    QUICK,
    SLOW,
    TICKET,
    Pair,
)
from rules.slo.words import error_ratio, identity, number, series

DAY_SECONDS = 86_400
LONGEST_PROJECTION = 365 * DAY_SECONDS
"""Seconds, a year: later than this is not worth telling from never."""
CLOCK = "slo:clock:seconds"
LEFT = "slo:period_error_budget_remaining:ratio"
_NO_ERRORS = "1e-12"
"""Less than any share of errors that is measured, and not 0, by which nothing can be divided."""


def sli(slo: Slo, window: str) -> str:
    """The share of bad events over a window, 0 without any; nothing if either query gives nothing.

    Both queries must give a value in either half, or one that has vanished would look like a night
    without traffic.
    """
    errors, total = slo.errors(window), slo.total(window)
    return f"({errors}) / (({total}) > 0) or (({total}) == 0 and ({errors}))"


def quick_records(slo: Slo) -> Iterator[RecordRule]:
    """What is known of the short windows, what follows from all, and what was promised."""
    budget = number(slo.budget)
    yield _record(slo, "slo:objective:ratio", f"vector({number(slo.objective)})")
    yield _record(slo, "slo:error_budget:ratio", f"vector({budget})")
    yield _record(slo, "slo:time_period:days", f"vector({PERIOD_DAYS})")
    yield _record(slo, CLOCK, "vector(time())")
    for window in QUICK:
        yield _indicator(slo, window)
    yield _record(slo, "slo:current_burn_rate:ratio", f"{error_ratio(slo, NOW)} / {budget}")
    for burn in (PAGE, TICKET):
        for pair in burn.pairs:
            if pair.long in QUICK:
                yield _record(slo, pair.long_record, _burned(slo, pair.long))
            yield _record(slo, pair.record, _smaller(slo, pair))
    yield _record(slo, "slo:error_budget_exhaustion:seconds", _lasts(slo))
    yield _record(
        slo,
        "sloth_slo_info",
        "vector(1)",
        sloth_mode="vaultmesh",
        sloth_objective=number(slo.objective * 100),
        sloth_spec="prometheus/v1",
    )


def slow_records(slo: Slo) -> Iterator[RecordRule]:
    """What is known of the long windows, and the budget that is left."""
    for window in SLOW:
        yield _indicator(slo, window)
    for pair in TICKET.pairs:
        yield _record(slo, pair.long_record, _burned(slo, pair.long))
    yield _record(slo, "slo:period_burn_rate:ratio", _burned(slo, PERIOD))
    spent = series(slo, "slo:period_burn_rate:ratio")
    yield _record(slo, LEFT, f"1 - {spent}")


def _indicator(slo: Slo, window: str) -> RecordRule:
    return _record(slo, f"slo:sli_error:ratio_rate{window}", sli(slo, window), sloth_window=window)


def _burned(slo: Slo, window: str) -> str:
    """The burn rate over a window, of which the time before the first evaluation had no errors.

    The clock's rate is the share of the window that has been watched: without it, the first bad
    minute of a new environment would count as much as a bad month.
    """
    watched = f"clamp_max(rate({series(slo, CLOCK)}[{window}]), 1)"
    burned = f"{error_ratio(slo, window)} / {number(slo.budget)}"
    return f"{burned} * on (sloth_id) group_left () {watched}"


def _smaller(slo: Slo, pair: Pair) -> str:
    """The smaller burn rate of two windows; nothing if one is missing."""
    long = series(slo, pair.long_record)
    short = f"{error_ratio(slo, pair.short)} / {number(slo.budget)}"
    ignoring = "ignoring (sloth_window)"
    return f"{long} < {ignoring} {short} or {short} <= {ignoring} {long}"


def _lasts(slo: Slo) -> str:
    """How many seconds the budget that is left lasts, with errors as in the last hour."""
    left = f"clamp_min({series(slo, LEFT)}, 0)"
    errors = f"clamp_min({error_ratio(slo, PROJECTED_FROM)}, {_NO_ERRORS})"
    budget = number(slo.budget * PERIOD_DAYS * DAY_SECONDS)
    lasts = f"{budget} * {left} / ignoring (sloth_window) {errors}"
    return f"clamp_max({lasts}, {LONGEST_PROJECTION})"


def _record(slo: Slo, name: str, expr: str, **labels: str) -> RecordRule:
    # Not validated: Sloth's own name for its series of facts has no colon.
    return RecordRule.model_construct(
        record=name, expr=expr, labels={**slo.labels, **identity(slo), **labels}
    )
