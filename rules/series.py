"""Every series that exists, exported or recorded, and whether an expression may select it."""

import re
from collections.abc import Iterable

import promql_parser as pp

from promql.expressions import PromqlError, matchers, metric_name, parse, selectors
from promql.labels import Labels, result_labels
from rules.inventory import Metric, nearest
from rules.schema import RecordRule
from rules.source import Sourced

_OF_ALERTS = ("ALERTS", "ALERTS_FOR_STATE")


class Series:
    """The names and labels of all series."""

    def __init__(
        self,
        metrics: Iterable[Metric],
        records: Iterable[Sourced[RecordRule]],
        alerts: Iterable[str],
        *,
        complete: bool = True,
    ) -> None:
        """`complete`: every file could be read, so that a name that isn't here does not exist."""
        self._labels: dict[str, Labels] = {}
        for metric in metrics:
            self._labels.update(metric.series())
        self._records: dict[str, list[Sourced[RecordRule]]] = {}
        for record in records:
            self._records.setdefault(record.name, []).append(record)
        self._alerts = set(alerts)
        self._complete = complete

    def labels_of(self, name: str) -> Labels:
        """The labels of a series; None where they can't be known."""
        if name not in self._labels and name in self._records:
            # Should a rule use its own result, the labels stay unknown.
            self._labels[name] = None
            found = [self._recorded(record) for record in self._records[name]]
            known = [labels for labels in found if labels is not None]
            self._labels[name] = frozenset().union(*known) if len(known) == len(found) else None
        return self._labels.get(name)

    def _recorded(self, record: Sourced[RecordRule]) -> Labels:
        try:
            inner = result_labels(parse(record.rule.expr), self.labels_of)
        except PromqlError:
            return None
        return None if inner is None else inner | record.labels.keys()

    def result_labels(self, tree: pp.Expr) -> Labels:
        """The labels of an expression's result; None where they can't be known."""
        return result_labels(tree, self.labels_of)

    def check(self, tree: pp.Expr) -> list[str]:
        """What is wrong with the series that an expression selects."""
        found = [self._wrong_with(selector) for selector in selectors(tree)]
        return list(dict.fromkeys(text for text in found if text))

    def _wrong_with(self, selector: pp.VectorSelector) -> str | None:
        name = metric_name(selector)
        if name is None:
            return self._wrong_with_pattern(selector)
        if name not in self._labels and name not in self._records:
            if not self._complete:
                return None
            advice = nearest(name, [*self._labels, *self._records])
            return f"no workload exports and no rule records {name}. {advice}"
        labels = self.labels_of(name)
        for matcher in matchers(selector):
            if labels is not None and matcher.name not in labels and matcher.name != "__name__":
                has = ", ".join(sorted(labels)) or "none"
                return f"{name} has no label {matcher.name}. Its labels: {has}."
            if name in _OF_ALERTS and matcher.name == "alertname" and self._no_alert(matcher):
                return f"there is no alert {matcher.value}. Correct the name."
        return None

    def _wrong_with_pattern(self, selector: pp.VectorSelector) -> str | None:
        patterns = [m for m in matchers(selector) if m.name == "__name__" and m.op == pp.MatchOp.Re]
        if not patterns:
            return "a selector names no metric. Write the metric's name in front."
        try:
            pattern = re.compile(patterns[0].value)
        except re.error:
            return None
        known = [*self._labels, *self._records]
        if self._complete and not any(pattern.fullmatch(name) for name in known):
            return f"no metric's name matches {patterns[0].value}. Correct it."
        return None

    def _no_alert(self, matcher: pp.Matcher) -> bool:
        return (
            self._complete and matcher.op == pp.MatchOp.Equal and matcher.value not in self._alerts
        )
