"""The checked rules as the rest of the program sees them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from promql.expressions import parse
from rules.schema import AlertRule, RecordRule
from rules.series import Series
from rules.slo.objective import Slo
from rules.source import Sourced
from rules.thresholds import thresholds, without_threshold

Sibling = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True)
class Alert:
    """One alert as Prometheus gets it, overrides applied.

    `for_` is a Prometheus duration; `labels` are those the rule adds; `thresholds` are the numbers
    of its `threshold*` annotations; `series_labels` are the names of the labels that its
    expression's result can carry, None where they can't be known.
    """

    name: str
    severity: str
    expr: str
    for_: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    group: str
    thresholds: Mapping[str, float]
    series_labels: tuple[str, ...] | None

    @classmethod
    def of(cls, sourced: Sourced[AlertRule], series: Series) -> "Alert":
        """The alert of a rule that has passed every check."""
        rule = sourced.rule
        return cls(
            name=rule.alert,
            severity=sourced.labels["severity"],
            expr=rule.expr,
            for_=rule.for_,
            labels=sourced.labels,
            annotations=rule.annotations,
            group=sourced.group.name,
            thresholds=thresholds(rule),
            series_labels=_sorted(series.result_labels(parse(rule.expr))),
        )


@dataclass(frozen=True)
class Record:
    """One recorded series; `labels` are the names of its labels, None where unknown."""

    name: str
    expr: str
    group: str
    labels: tuple[str, ...] | None

    @classmethod
    def of(cls, sourced: Sourced[RecordRule], series: Series) -> "Record":
        """The recorded series of a rule that has passed every check."""
        labels = _sorted(series.labels_of(sourced.name))
        return cls(sourced.name, sourced.rule.expr, sourced.group.name, labels)


def siblings(
    alerts: Sequence[Sourced[AlertRule]],
    severities: Sequence[str],
    series: Series,
    slos: Sequence[Slo] = (),
) -> tuple[Sibling, ...]:
    """Pairs of alerts on one condition that differ in threshold and severity: the worse one first.

    So are the page and the ticket of an objective, though they look over other windows. With each
    pair come the names of the labels that both alerts' results carry. `severities` are ordered, the
    least severe first; an alert with another has no siblings.
    """
    ranked = [alert for alert in alerts if alert.labels["severity"] in severities]
    burns = {(slo.page, slo.ticket) for slo in slos}
    return tuple(
        (worse.name, milder.name, labels)
        for worse in ranked
        for milder in ranked
        if severities.index(worse.labels["severity"]) > severities.index(milder.labels["severity"])
        and ((worse.name, milder.name) in burns or _is_alike(worse.rule, milder.rule))
        # Without labels to match on, an inhibition would silence every treaty at once.
        and (labels := _sorted(series.result_labels(parse(worse.rule.expr))))
    )


def _is_alike(one: AlertRule, other: AlertRule) -> bool:
    both = bool(thresholds(one) and thresholds(other))
    return both and without_threshold(one) == without_threshold(other)


def _sorted(names: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(sorted(names))
