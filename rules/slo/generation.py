"""Generates the rules of an objective, with the names and labels that Sloth uses.

docs/decisions/14-slos-from-events.md explains the differences from Sloth: windows weigh events, not
minutes; a lack of events, and the time before the first evaluation, count as free of errors; the
alerts compare one recorded burn rate per pair of windows and need a least number of errors; and a
missing indicator has an alert of its own.

Every rule aggregates the recorded series that it reads: after a change of an objective's labels,
series with the old and with the new ones exist side by side for as long as a window is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from promql.durations import format_duration, parse_duration
from rules.rule import Alert, Record
from rules.schema import AlertFields, Group, RecordFields
from rules.slo.indicator import RESULT_LABELS
from rules.slo.objectives import Slo, SloOptions
from rules.slo.specification import AlertSpec
from rules.slo.windows import (
    ABSENT_WAIT,
    LEAST_ERRORS,
    NOW,
    PROJECTED_FROM,
    QUICK,
    QUICK_INTERVAL,
    SLOW_INTERVAL,
    Burn,
    Pair,
)

DAY_SECONDS = 86_400
LONGEST_PROJECTION = 365 * DAY_SECONDS
"""Seconds: projections are capped at a year."""
WATCH = "slo:watch:seconds"
BAD, ALL = f"slo:bad_events:over_{NOW}", f"slo:all_events:over_{NOW}"
"""Events as the queries count them. Sums of them replace the raw counters over all longer windows,
so that the pods cost no more than these five minutes. Each event is in as many evaluations as every
other."""
BUDGET_LEFT = "slo:period_error_budget_remaining:ratio"
_NEARLY_ZERO = "1e-12"
"""Divisor that replaces 0; smaller than any ratio or rate that can be measured."""
_WINDOW_LABEL = "sloth_window"


@dataclass(frozen=True)
class SloRules:
    """The rules of one objective."""

    slo: Slo
    records: list[Record]
    alerts: list[Alert]


def generate_rules(slo: Slo, options: SloOptions) -> SloRules:
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
            Alert(fields, quick, slo.place.at("alerting", spec))
            for spec, fields in _alerts(slo, options)
        ],
    )


def _quick_records(slo: Slo) -> Iterator[RecordFields]:
    """The objective, its events, indicator and burn rates over short windows, and projections."""
    budget, days = _number(slo.budget), slo.period.days
    yield _record(slo, "slo:objective:ratio", f"vector({_number(slo.objective)})")
    yield _record(slo, "slo:error_budget:ratio", f"vector({budget})")
    yield _record(slo, "slo:time_period:days", f"vector({days})")
    yield _record(slo, WATCH, "vector(time())")
    # A value that is not a number would spoil every sum for as long as the longest window.
    bad, all_ = (f"({query(NOW)}) > -Inf" for query in (slo.indicator.errors, slo.indicator.total))
    yield _record(slo, BAD, f"{bad} and {all_}")
    yield _record(slo, ALL, f"{all_} and {bad}")
    for window in QUICK:
        is_exact = slo.indicator.is_raw or window == NOW
        ratio = slo.indicator.ratio(window) if is_exact else _ratio(slo, _prompt_sum, window)
        yield _indicator(slo, window, ratio)
    yield _record(
        slo, "slo:current_burn_rate:ratio", f"{_error_ratio(slo, NOW, _WINDOW_LABEL)} / {budget}"
    )
    for pair in slo.period.page.pairs:
        yield _record(slo, pair.long_record, _burn_rate(slo, pair.long))
    for pair in (*slo.period.page.pairs, *slo.period.ticket.pairs):
        yield _record(slo, pair.record, _pair_burn_rate(slo, pair))
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
    for window in slo.period.slow:
        # As in Sloth, a share that is given is averaged over the period alone.
        is_exact = slo.indicator.is_raw and window != slo.period.window
        ratio = slo.indicator.ratio(window) if is_exact else _ratio(slo, _sum, window)
        yield _indicator(slo, window, ratio)
    for pair in slo.period.ticket.pairs:
        yield _record(slo, pair.long_record, _burn_rate(slo, pair.long))
    yield _record(slo, "slo:period_burn_rate:ratio", _burn_rate(slo, slo.period.window))
    spent = _latest(slo, "slo:period_burn_rate:ratio", _WINDOW_LABEL)
    yield _record(slo, BUDGET_LEFT, f"1 - {spent}")


def _indicator(slo: Slo, window: str, ratio: str) -> RecordFields:
    return _record(slo, f"slo:sli_error:ratio_rate{window}", ratio, sloth_window=window)


def _ratio(slo: Slo, sum_: Callable[[Slo, str, str], str], window: str) -> str:
    """The ratio of the recorded events of a window, as `sum_` adds them; 0 if there are none."""
    bad, all_ = (sum_(slo, name, window) for name in (BAD, ALL))
    return f"{bad} / clamp_min({all_}, {_NEARLY_ZERO})"


def _burn_rate(slo: Slo, window: str) -> str:
    """The burn rate over a window; time before the first evaluation counts as free of errors.

    The rate of the recorded time is the share of the window since the first evaluation. Without
    this factor, the first bad minute of a new environment would count as much as a bad month.
    """
    watched = f"clamp_max(sum(rate({_series(slo, WATCH)}[{window}])), 1)"
    burned = f"{_error_ratio(slo, window, _WINDOW_LABEL)} / {_number(slo.budget)}"
    return f"{burned} * on () group_left () {watched}"


def _pair_burn_rate(slo: Slo, pair: Pair) -> str:
    """The smaller burn rate of two windows; no value if either window has none.

    It is 0 while the long window has fewer errors than LEAST_ERRORS.
    """
    long = _latest(slo, pair.long_record)
    short = f"{_error_ratio(slo, pair.short)} / {_number(slo.budget)}"
    smaller = f"{long} < {short} or {short} <= {long}"
    if slo.indicator.events_each is None:
        return smaller
    errors = f"{slo.indicator.events_each:g} * {_sum(slo, BAD, pair.long)}"
    return f"({smaller}) * ({errors} >= bool {LEAST_ERRORS})"


def _exhaustion(slo: Slo) -> str:
    """Seconds until the budget is spent, if errors continue as in the last hour."""
    left = f"clamp_min({_latest(slo, BUDGET_LEFT)}, 0)"
    errors = f"clamp_min({_error_ratio(slo, PROJECTED_FROM)}, {_NEARLY_ZERO})"
    budget = _number(slo.budget * slo.period.days * DAY_SECONDS)
    return f"clamp_max({budget} * {left} / {errors}, {LONGEST_PROJECTION})"


def _alerts(slo: Slo, options: SloOptions) -> Iterator[tuple[str, AlertFields]]:
    """(field of `alerting` that configures it, alert) for each alert of the objective."""
    alerting, period = slo.spec.alerting, slo.period
    if slo.page:
        fields = _burn_alert(slo, slo.page, period.page, alerting.page_alert, options)
        yield "page_alert", fields
    if slo.ticket:
        fields = _burn_alert(slo, slo.ticket, period.ticket, alerting.ticket_alert, options)
        yield "ticket_alert", fields
    if not slo.absent:
        return
    known = f"count({_series(slo, f'slo:sli_error:ratio_rate{NOW}')}) or vector(0)"
    annotations = {
        "summary": f"Nothing is known of {slo.name} of {slo.service}",
        "description": f"Prometheus has no share of errors of {slo.name} of {slo.service} for"
        f" the last {NOW}, so nobody can tell whether its objective is kept.",
    }
    expr = f"({known}) == 0"
    labels = _alert_labels(slo, period.ticket, alerting.ticket_alert, options)
    fields = _alert(slo, slo.absent, expr, ABSENT_WAIT, labels, alerting.ticket_alert, annotations)
    yield "ticket_alert", fields


def _burn_alert(
    slo: Slo, name: str, burn: Burn, spec: AlertSpec, options: SloOptions
) -> AlertFields:
    limits = " or ".join(f"{pair.limit} ({pair.long} and {pair.short})" for pair in burn.pairs)
    annotations = {
        "summary": f"The error budget of {slo.name} of {slo.service} burns {burn.speed}",
        "description": f"The error budget of {slo.name} of {slo.service} burns"
        ' {{ $value | printf "%.1f" }} times as fast as its objective of'
        f" {{{{ {_number(slo.objective)} | humanizePercentage }}}} allows; the limit is {limits}.",
        **{pair.threshold: _number(pair.limit) for pair in burn.pairs},
    }
    expr = " or ".join(
        f"{_latest(slo, pair.record, *_identity(slo))} > {_number(pair.limit)}"
        for pair in burn.pairs
    )
    labels = _alert_labels(slo, burn, spec, options)
    return _alert(slo, name, expr, burn.wait, labels, spec, annotations)


def _alert_labels(slo: Slo, burn: Burn, spec: AlertSpec, options: SloOptions) -> dict[str, str]:
    """The labels of an alert, with the severity that has a route."""
    labels = {
        **slo.labels,
        **_identity(slo),
        "sloth_severity": burn.sloth_severity,
        **slo.spec.alerting.labels,
        **spec.labels,
    }
    severity = options.severity(labels.get("severity", burn.sloth_severity))
    return {**labels, "severity": severity}


def _alert(
    slo: Slo,
    name: str,
    expr: str,
    wait: str,
    labels: dict[str, str],
    spec: AlertSpec,
    annotations: dict[str, str],
) -> AlertFields:
    # Not validated: an objective's labels may have any name that Prometheus takes.
    return AlertFields.model_construct(
        alert=name,
        expr=expr,
        for_=wait,
        labels=labels,
        annotations={**annotations, **slo.spec.alerting.annotations, **spec.annotations},
    )


def _record(slo: Slo, name: str, expr: str, **labels: str) -> RecordFields:
    # Not validated, because Sloth's name `sloth_slo_info` has no colon.
    return RecordFields.model_construct(
        record=name, expr=expr, labels={**slo.labels, **_identity(slo), **labels}
    )


def _number(value: Decimal) -> str:
    """A number in digits, without an exponent or trailing zeros."""
    return f"{value.normalize():f}"


def _error_ratio(slo: Slo, window: str, *labels: str) -> str:
    """The recorded ratio of bad events over a window."""
    return _latest(slo, f"slo:sli_error:ratio_rate{window}", *labels)


def _latest(slo: Slo, name: str, *labels: str) -> str:
    """The value of a recorded series of this objective, whatever its own labels are or were.

    The result has the labels of the indicator's queries and those in `labels`.
    """
    return f"max by ({', '.join((*RESULT_LABELS, *labels))}) ({_series(slo, name)})"


def _sum(slo: Slo, name: str, window: str) -> str:
    """The sum of the samples of a recorded series of this objective within a window."""
    return f"sum by ({', '.join(RESULT_LABELS)}) (sum_over_time({_series(slo, name)}[{window}]))"


def _prompt_sum(slo: Slo, name: str, window: str) -> str:
    """The same, with the events of the last NOW at nearly their full weight.

    An event is in all samples of the NOW after it, so those of the last NOW are in half of their
    samples on average, and an outage would page half of NOW later than its errors say. The newest
    sample stands for the missing ones, and the range is shorter by as many. If the series ended,
    nothing is missing: the instant selector, unlike `last_over_time`, has no value after that.
    """
    shorter = parse_duration(window) - parse_duration(NOW) // 2
    recorded = _sum(slo, name, format_duration(shorter))
    # Events that come evenly, each in n evaluations, are missing 0 + 1 + ... + (n - 1) times in n.
    once = "0.5" if slo.indicator.adds_samples else "1"
    missing = f"scalar(sum(count_over_time({_series(slo, WATCH)}[{NOW}])) / 2 - {once})"
    return f"({recorded} + {missing} * {_latest(slo, name)} or {recorded})"


def _series(slo: Slo, name: str) -> str:
    """The recorded series of this objective under a name."""
    return f'{name}{{sloth_id="{slo.id}"}}'


def _identity(slo: Slo) -> dict[str, str]:
    """The labels that identify an objective, under Sloth's names."""
    return {"sloth_id": slo.id, "sloth_service": slo.service, "sloth_slo": slo.name}
