"""The alerts of an objective: its budget burns fast, or slowly, or nothing is known of it."""

from collections.abc import Iterator

from rules.reader import Place
from rules.schema import AlertRule
from rules.slo.objective import Slo
from rules.slo.spec import AlertSpec
from rules.slo.windows import ABSENT_WAIT, NOW, PAGE, TICKET, Burn
from rules.slo.words import error_ratio, identity, number, series


def alerts(slo: Slo) -> Iterator[tuple[AlertRule, Place]]:
    """Each alert, and which field of `alerting` it is about."""
    alerting = slo.spec.alerting
    for name, burn, spec, field in (
        (slo.page, PAGE, alerting.page_alert, "page_alert"),
        (slo.ticket, TICKET, alerting.ticket_alert, "ticket_alert"),
    ):
        yield _burning(slo, name, burn, spec), (field,)
    known = f"count({error_ratio(slo, NOW)}) or vector(0)"
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
    expr = " or ".join(f"{series(slo, pair.record)} > {number(pair.limit)}" for pair in burn.pairs)
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
            **identity(slo),
            "sloth_severity": burn.sloth_severity,
            **common.labels,
            **spec.labels,
        },
        "annotations": {**annotations, **common.annotations, **spec.annotations},
    }
    return AlertRule.model_validate(rule)
