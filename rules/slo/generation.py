"""Generates the rules of an objective, with the names and labels that Sloth uses.

docs/decisions/14-slos-from-events.md explains the differences from Sloth: every window is computed
from the events themselves; a lack of events, and the time before the first evaluation, count as
free of errors; the alerts compare one recorded burn rate per pair of windows; and a missing
indicator has an alert of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rules.rule import Alert, Record
from rules.schema import AlertFields, Group, RecordFields
from rules.slo.specification import AlertSpec, Slo
from rules.slo.windows import (
    ABSENT_WAIT,
    NOW,
    PAGE,
    PERIOD,
    PERIOD_DAYS,
    PROJECTED_FROM,
    QUICK,
    QUICK_INTERVAL,
    SLOW,
    SLOW_INTERVAL,
    TICKET,
    Burn,
    Pair,
)

DAY_SECONDS = 86_400
LONGEST_PROJECTION = 365 * DAY_SECONDS
"""Seconds: projections are capped at a year."""
CLOCK = "slo:clock:seconds"
BUDGET_LEFT = "slo:period_error_budget_remaining:ratio"
_NEARLY_ZERO = "1e-12"
"""Divisor that replaces an error ratio of 0; smaller than any ratio that can be measured."""


@dataclass(frozen=True)
class SloRules:
    """The rules of one objective."""

    slo: Slo
    records: list[Record]
    alerts: list[Alert]


def generate_rules(slo: Slo) -> SloRules:
    """The recording rules and alerts of an objective, in a quick and a slow group."""
    name = f"slo-{slo.id}"
    quick = Group.model_construct(name=name, interval=QUICK_INTERVAL)
    slow = Group.model_construct(name=f"{name}-slow", interval=SLOW_INTERVAL)
    return SloRules(
        slo,
        records=[
            *(Record(fields, quick, slo.place) for fields in _quick_records(slo)),
            *(Record(fields, slow, slo.place) for fields in _slow_records(slo)),
        ],
        alerts=[
            Alert(fields, quick, slo.place.at("alerting", spec)) for spec, fields in _alerts(slo)
        ],
    )


def _quick_records(slo: Slo) -> Iterator[RecordFields]:
    """The objective, its indicator and burn rates over short windows, and projections."""
    budget = _number(slo.budget)
    yield _record(slo, "slo:objective:ratio", f"vector({_number(slo.objective)})")
    yield _record(slo, "slo:error_budget:ratio", f"vector({budget})")
    yield _record(slo, "slo:time_period:days", f"vector({PERIOD_DAYS})")
    yield _record(slo, CLOCK, "vector(time())")
    for window in QUICK:
        yield _indicator(slo, window)
    yield _record(slo, "slo:current_burn_rate:ratio", f"{_error_ratio(slo, NOW)} / {budget}")
    for burn in (PAGE, TICKET):
        for pair in burn.pairs:
            if pair.long in QUICK:
                yield _record(slo, pair.long_record, _burn_rate(slo, pair.long))
            yield _record(slo, pair.record, _smaller_burn_rate(slo, pair))
    yield _record(slo, "slo:error_budget_exhaustion:seconds", _exhaustion(slo))
    yield _record(
        slo,
        "sloth_slo_info",
        "vector(1)",
        sloth_mode="vaultmesh",
        sloth_objective=_number(slo.objective * 100),
        sloth_spec="prometheus/v1",
    )


def _slow_records(slo: Slo) -> Iterator[RecordFields]:
    """The indicator and burn rates over long windows, and the remaining budget."""
    for window in SLOW:
        yield _indicator(slo, window)
    for pair in TICKET.pairs:
        yield _record(slo, pair.long_record, _burn_rate(slo, pair.long))
    yield _record(slo, "slo:period_burn_rate:ratio", _burn_rate(slo, PERIOD))
    spent = _series(slo, "slo:period_burn_rate:ratio")
    yield _record(slo, BUDGET_LEFT, f"1 - {spent}")


def _indicator(slo: Slo, window: str) -> RecordFields:
    return _record(
        slo, f"slo:sli_error:ratio_rate{window}", slo.indicator(window), sloth_window=window
    )


def _burn_rate(slo: Slo, window: str) -> str:
    """The burn rate over a window; time before the first evaluation counts as free of errors.

    The rate of the recorded clock is the share of the window since the first evaluation. Without
    this factor, the first bad minute of a new environment would count as much as a bad month.
    """
    watched = f"clamp_max(rate({_series(slo, CLOCK)}[{window}]), 1)"
    burned = f"{_error_ratio(slo, window)} / {_number(slo.budget)}"
    return f"{burned} * on (sloth_id) group_left () {watched}"


def _smaller_burn_rate(slo: Slo, pair: Pair) -> str:
    """The smaller burn rate of two windows; no value if either window has none."""
    long = _series(slo, pair.long_record)
    short = f"{_error_ratio(slo, pair.short)} / {_number(slo.budget)}"
    ignoring = "ignoring (sloth_window)"
    return f"{long} < {ignoring} {short} or {short} <= {ignoring} {long}"


def _exhaustion(slo: Slo) -> str:
    """Seconds until the budget is spent, if errors continue as in the last hour."""
    left = f"clamp_min({_series(slo, BUDGET_LEFT)}, 0)"
    errors = f"clamp_min({_error_ratio(slo, PROJECTED_FROM)}, {_NEARLY_ZERO})"
    budget = _number(slo.budget * PERIOD_DAYS * DAY_SECONDS)
    seconds = f"{budget} * {left} / ignoring (sloth_window) {errors}"
    return f"clamp_max({seconds}, {LONGEST_PROJECTION})"


def _alerts(slo: Slo) -> Iterator[tuple[str, AlertFields]]:
    """(field of `alerting` that configures it, alert) for each alert of the objective."""
    alerting = slo.spec.alerting
    for name, burn, spec, field in (
        (slo.page, PAGE, alerting.page_alert, "page_alert"),
        (slo.ticket, TICKET, alerting.ticket_alert, "ticket_alert"),
    ):
        yield field, _burn_alert(slo, name, burn, spec)
    known = f"count({_error_ratio(slo, NOW)}) or vector(0)"
    annotations = {
        "summary": f"Nothing is known of {slo.name} of {slo.service}",
        "description": f"Prometheus has no share of errors of {slo.name} of {slo.service} for"
        f" the last {NOW}, so nobody can tell whether its objective is kept.",
    }
    expr = f"({known}) == 0"
    ticket = alerting.ticket_alert
    yield "ticket_alert", _alert(slo, slo.absent, expr, ABSENT_WAIT, TICKET, ticket, annotations)


def _burn_alert(slo: Slo, name: str, burn: Burn, spec: AlertSpec) -> AlertFields:
    limits = " or ".join(f"{pair.limit} ({pair.long} and {pair.short})" for pair in burn.pairs)
    annotations = {
        "summary": f"The error budget of {slo.name} of {slo.service} burns {burn.speed}",
        "description": f"The error budget of {slo.name} of {slo.service} burns"
        ' {{ $value | printf "%.1f" }} times as fast as its objective of'
        f" {{{{ {_number(slo.objective)} | humanizePercentage }}}} allows; the limit is {limits}.",
        **{pair.threshold: _number(pair.limit) for pair in burn.pairs},
    }
    expr = " or ".join(
        f"{_series(slo, pair.record)} > {_number(pair.limit)}" for pair in burn.pairs
    )
    return _alert(slo, name, expr, burn.wait, burn, spec, annotations)


def _alert(
    slo: Slo,
    name: str,
    expr: str,
    wait: str,
    burn: Burn,
    spec: AlertSpec,
    annotations: dict[str, str],
) -> AlertFields:
    common = slo.spec.alerting
    rule = {
        "alert": name,
        "expr": expr,
        "for": wait,
        "labels": {
            **slo.labels,
            **_identity(slo),
            "sloth_severity": burn.sloth_severity,
            **common.labels,
            **spec.labels,
        },
        "annotations": {**annotations, **common.annotations, **spec.annotations},
    }
    return AlertFields.model_validate(rule)


def _record(slo: Slo, name: str, expr: str, **labels: str) -> RecordFields:
    # Not validated, because Sloth's name `sloth_slo_info` has no colon.
    return RecordFields.model_construct(
        record=name, expr=expr, labels={**slo.labels, **_identity(slo), **labels}
    )


def _number(value: Decimal) -> str:
    """A number in digits, without an exponent or trailing zeros."""
    return f"{value.normalize():f}"


def _error_ratio(slo: Slo, window: str) -> str:
    """The recorded ratio of bad events over a window."""
    return _series(slo, f"slo:sli_error:ratio_rate{window}")


def _series(slo: Slo, name: str) -> str:
    """A recorded series of this objective."""
    return f'{name}{{sloth_id="{slo.id}"}}'


def _identity(slo: Slo) -> dict[str, str]:
    """The labels that identify an objective, under Sloth's names."""
    return {"sloth_id": slo.id, "sloth_service": slo.service, "sloth_slo": slo.name}
