"""All exported and recorded series; finds unknown series and labels in expressions."""

from collections.abc import Container, Iterable

from problems import did_you_mean
from promql.errors import PromqlError
from promql.expressions import Expression
from promql.labels import Labels, result_labels
from promql.regex import matches
from promql.tree import Matcher, VectorSelector
from rules.inventory import METRICS_FILE, Metric
from rules.rule import Record

_OF_ALERTS = ("ALERTS", "ALERTS_FOR_STATE")


class Series:
    """The names and labels of all series."""

    def __init__(
        self,
        metrics: Iterable[Metric],
        records: Iterable[Record],
        alerts: Iterable[str],
        *,
        complete: bool,
    ) -> None:
        """`complete` says that every file could be read; otherwise unknown names are accepted."""
        self._labels: dict[str, Labels] = {}
        for metric in metrics:
            self._labels.update(metric.series())
        self._records: dict[str, list[Record]] = {}
        for record in records:
            self._records.setdefault(record.name, []).append(record)
        self._alerts = set(alerts)
        self._complete = complete
        self._of_results: dict[str, Labels] = {}

    def labels_of(self, name: str) -> Labels:
        """The labels of a series; None if unknown."""
        if name not in self._labels and name in self._records:
            names = self.inputs_first(name, self._labels)
            # A record that uses its own result has unknown labels.
            self._labels.update(dict.fromkeys(names))
            for each in names:
                found = [self._recorded_labels(record) for record in self._records[each]]
                known = [labels for labels in found if labels is not None]
                self._labels[each] = frozenset().union(*known) if len(known) == len(found) else None
        return self._labels.get(name)

    def records(self, name: str) -> list[Record]:
        """The records of this name."""
        return self._records.get(name, [])

    def inputs_first(self, name: str, known: Container[str]) -> list[str]:
        """The recorded series that `name` is made from and `name`, each after what it reads.

        Those in `known` and what they are made from are left out. Rules may read one another in
        long chains, so nothing calls itself here.
        """
        found: dict[str, None] = {}
        entered: set[str] = set()
        waiting = [name]
        while waiting:
            each = waiting[-1]
            if each in entered or each in known or each not in self._records:
                waiting.pop()
                if each in entered:
                    found.setdefault(each)
                continue
            entered.add(each)
            waiting += [
                selector.metric
                for record in self._records[each]
                if isinstance(record.expression, Expression)
                for selector in record.expression.selectors
                if selector.metric and selector.metric not in entered
            ]
        return list(found)

    def _recorded_labels(self, record: Record) -> Labels:
        if isinstance(record.expression, PromqlError):
            return None
        # Not kept: while records that use each other are looked at, some labels are unknown.
        inner = result_labels(record.expression, self.labels_of)
        return None if inner is None else inner | record.labels.keys()

    def result_labels(self, expression: Expression | PromqlError) -> Labels:
        """The labels of an expression's result; None if unknown."""
        if isinstance(expression, PromqlError):
            return None
        if expression.text not in self._of_results:
            self._of_results[expression.text] = result_labels(expression, self.labels_of)
        return self._of_results[expression.text]

    def check(self, expression: Expression) -> list[str]:
        """A sentence for each unknown series, label or alert that an expression selects."""
        found = [self._check_selector(selector) for selector in expression.selectors]
        return list(dict.fromkeys(text for text in found if text))

    def _check_selector(self, selector: VectorSelector) -> str | None:
        name = selector.metric
        if name is None:
            return self._check_pattern(selector)
        if name not in self._labels and name not in self._records:
            if not self._complete:
                return None
            known = [*self._labels, *self._records]
            otherwise = f"Add it to {METRICS_FILE} if a workload exports it."
            advice = did_you_mean(name, known, otherwise)
            return f"no workload exports and no rule records {name}. {advice}"
        labels = self.labels_of(name)
        for matcher in selector.matchers:
            if labels is not None and matcher.name not in labels and matcher.name != "__name__":
                otherwise = f"Use one of: {', '.join(sorted(labels))}." if labels else "Remove it."
                advice = did_you_mean(matcher.name, sorted(labels), otherwise)
                return f"{name} has no label {matcher.name}. {advice}"
            if name in _OF_ALERTS and matcher.name == "alertname" and self._is_unknown(matcher):
                return f"there is no alert {matcher.value}. Correct the name."
        return None

    def _check_pattern(self, selector: VectorSelector) -> str | None:
        patterns = [
            matcher.value
            for matcher in selector.matchers
            if matcher.name == "__name__" and matcher.operator == "=~"
        ]
        if not patterns:
            return "a selector names no metric. Write the metric's name in front."
        known = [*self._labels, *self._records]
        if self._complete and not any(matches(patterns[0], name) for name in known):
            return f"no metric's name matches {patterns[0]}. Correct it."
        return None

    def _is_unknown(self, alertname: Matcher) -> bool:
        exact = alertname.operator == "="
        return self._complete and exact and alertname.value not in self._alerts
