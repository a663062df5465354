"""Makes the rules that watch an objective, under the names and labels that Sloth gives them.

Four things are ours, and docs/decisions/14-slos-from-events.md says why: every window is computed
from the events themselves, no events count as no errors, the alerts compare one recorded burn rate
for each pair of windows, and an indicator that is missing is an alert of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rules.reader import Place
from rules.schema import AlertRule, Group, RecordRule
from rules.slo.spec import AlertSpec, Slo
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
from rules.source import Sourced

DAY_SECONDS = 86_400
LONGEST_PROJECTION = 365 * DAY_SECONDS
"""Seconds, a year: later than this is not worth telling from never."""
_NO_ERRORS = "1e-12"
"""Less than any share of errors that can be measured, and not 0, by which nothing can be divided."""


@dataclass(frozen=True)
class SloRules:
    """The rules of one objective."""

    slo: Slo
    records: list[Sourced[RecordRule]]
    alerts: list[Sourced[AlertRule]]


def generate(slo: Slo) -> SloRules:
    """The recording rules and alerts of an objective, in two groups: the quick and the slow."""
    name = f"slo-{slo.id}"
    quick = Group.model_construct(name=name, interval=QUICK_INTERVAL)
    slow = Group.model_construct(name=f"{name}-slow", interval=SLOW_INTERVAL)

    def sourced(rule: RecordRule, group: Group) -> Sourced[RecordRule]:
        return Sourced(rule, group, slo.document, slo.place)

    return SloRules(
        slo,
        records=[
            *(sourced(_indicator(slo, window), quick) for window in QUICK),
            *(sourced(rule, quick) for rule in _derived(slo)),
            *(sourced(_indicator(slo, window), slow) for window in SLOW),
        ],
        alerts=[
            Sourced(rule, quick, slo.document, (*slo.place, "alerting", *field))
            for rule, field in _alerts(slo)
        ],
    )


def sli(slo: Slo, window: str) -> str:
    """The share of bad events over a window, 0 without any; nothing if either query gives nothing.

    Both queries must give a value in either half, or one that has vanished would look like a night
    without traffic.
    """
    errors, total = slo.errors(window), slo.total(window)
    return f"({errors}) / (({total}) > 0) or (({total}) == 0 and ({errors}))"


def number(value: Decimal) -> str:
    """A number as written, never as 1E-4 or with zeros that say nothing."""
    return f"{value.normalize():f}"


def _indicator(slo: Slo, window: str) -> RecordRule:
    return _record(slo, f"slo:sli_error:ratio_rate{window}", sli(slo, window), sloth_window=window)


def _derived(slo: Slo) -> Iterator[RecordRule]:
    budget = number(slo.budget)
    left = _series(slo, "slo:period_error_budget_remaining:ratio")
    seconds = number(slo.budget * PERIOD_DAYS * DAY_SECONDS)
    yield _record(slo, "slo:objective:ratio", f"vector({number(slo.objective)})")
    yield _record(slo, "slo:error_budget:ratio", f"vector({budget})")
    yield _record(slo, "slo:time_period:days", f"vector({PERIOD_DAYS})")
    yield _record(slo, "slo:current_burn_rate:ratio", f"{_error(slo, NOW)} / {budget}")
    yield _record(slo, "slo:period_burn_rate:ratio", f"{_error(slo, PERIOD)} / {budget}")
    yield _record(
        slo,
        "slo:period_error_budget_remaining:ratio",
        f"1 - {_series(slo, 'slo:period_burn_rate:ratio')}",
    )
    yield _record(
        slo,
        "slo:error_budget_exhaustion:seconds",
        f"clamp_max({seconds} * clamp_min({left}, 0) / ignoring (sloth_window)"
        f" clamp_min({_error(slo, PROJECTED_FROM)}, {_NO_ERRORS}), {LONGEST_PROJECTION})",
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
    long, short = _error(slo, pair.long), _error(slo, pair.short)
    ignoring = "ignoring (sloth_window)"
    return f"({long} < {ignoring} {short} or {short} <= {ignoring} {long})"


def _alerts(slo: Slo) -> Iterator[tuple[AlertRule, Place]]:
    alerting = slo.spec.alerting
    for name, burn, spec, field in (
        (slo.page, PAGE, alerting.page_alert, "page_alert"),
        (slo.ticket, TICKET, alerting.ticket_alert, "ticket_alert"),
    ):
        yield _burning(slo, name, burn, spec), (field,)
    known = f"count({_error(slo, NOW)}) or vector(0)"
    gone = {
        "summary": f"Nothing is known of {slo.spec.name} of {slo.service}",
        "description": f"Prometheus has no share of errors of {slo.spec.name} of {slo.service} for"
        f" the last {NOW}, so nobody can tell whether its objective is kept.",
    }
    rule = _alert(
        slo, slo.absent, f"({known}) == 0", ABSENT_WAIT, TICKET, alerting.ticket_alert, gone
    )
    yield rule, ("ticket_alert",)


def _burning(slo: Slo, name: str, burn: Burn, spec: AlertSpec) -> AlertRule:
    limits = " or ".join(f"{pair.limit} ({pair.long} and {pair.short})" for pair in burn.pairs)
    annotations = {
        "summary": f"The error budget of {slo.spec.name} of {slo.service} burns {burn.speed}",
        "description": f"The error budget of {slo.spec.name} of {slo.service} burns"
        ' {{ $value | printf "%.1f" }} times as fast as its objective of'
        f" {{{{ {number(slo.objective)} | humanizePercentage }}}} allows; the limit is {limits}.",
        **{pair.threshold: number(pair.limit) for pair in burn.pairs},
    }
    expr = " or ".join(
        f"{_series(slo, pair.record)} > {number(pair.limit)}" for pair in burn.pairs
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
) -> AlertRule:
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
    return AlertRule.model_validate(rule)


def _record(slo: Slo, name: str, expr: str, **labels: str) -> RecordRule:
    # Not validated: Sloth's own name for its series of facts has no colon.
    return RecordRule.model_construct(
        record=name, expr=expr, labels={**slo.labels, **_identity(slo), **labels}
    )


def _error(slo: Slo, window: str) -> str:
    return _series(slo, f"slo:sli_error:ratio_rate{window}")


def _series(slo: Slo, name: str) -> str:
    return f'{name}{{sloth_id="{slo.id}"}}'


def _identity(slo: Slo) -> dict[str, str]:
    return {"sloth_id": slo.id, "sloth_service": slo.service, "sloth_slo": slo.spec.name}
