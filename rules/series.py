"""All exported and recorded series: what is known of each, and of what expressions make of them."""

from collections.abc import Iterable, Set

from problems import did_you_mean
from promql.bounds import ANY, POSITIVE, TRUTH, Bounds
from promql.errors import PromqlError
from promql.expressions import Expression
from promql.identity import UNKNOWN, Identity, alike
from promql.labels import Carried, Labels
from promql.regex import RegexError, matches
from promql.results import Known, Result, find_result
from promql.tree import Matcher, VectorSelector
from rules.inventory import METRICS_FILE, Metric
from rules.rule import Record

_OF_ALERTS = ("ALERTS", "ALERTS_FOR_STATE")
_CERTAIN = frozenset({"instance", "job", "le", "namespace", "pod"})
"""Labels that no series lacks whose metric has them."""
_STATES = frozenset({"code", "condition", "outcome", "phase", "reason", "state", "status"})
"""Labels of which two metrics need not have a value in common."""
_NOTHING = Known()


class Series:
    """The names of all series, and what is known of their labels and values."""

    def __init__(
        self,
        metrics: Iterable[Metric],
        records: Iterable[Record],
        alerts: Iterable[str],
        *,
        complete: bool,
    ) -> None:
        """`complete` says that every file could be read; otherwise unknown names are accepted."""
        self._known: dict[str, Known] = {}
        self._kinds: dict[str, object] = {}
        for metric in metrics:
            for name, labels in metric.series().items():
                self._known[name] = _exported(metric, name, labels)
                if labels is not None and not labels & _STATES:
                    self._kinds[name] = (metric.workload, labels)
        self._records: dict[str, list[Record]] = {}
        for record in records:
            self._records.setdefault(record.name, []).append(record)
        self._alerts = set(alerts)
        self._complete = complete
        self._results: dict[str, Result] = {}

    def labels_of(self, name: str) -> Labels:
        """The labels of a series; None if unknown."""
        return self._known_of_name(name).labels.possible

    def result(self, expression: Expression) -> Result:
        """What is known of an expression's result."""
        found = self._results.get(expression.text)
        if found is None:
            found = find_result(expression, self._known_of)
            self._results[expression.text] = found
        return found

    def result_labels(self, expression: Expression | PromqlError) -> Labels:
        """The labels of an expression's result; None if unknown."""
        if isinstance(expression, PromqlError):
            return None
        return self.result(expression).labels.possible

    def _known_of(self, selector: VectorSelector) -> Known:
        if selector.metric is None:
            return self._known_of_pattern(selector)
        return self._known_of_name(selector.metric)

    def _known_of_name(self, name: str) -> Known:
        if name not in self._known:
            later = self._inputs_first(name)
            # Nothing is known of a record that uses its own result, while that is found out.
            self._known.update(dict.fromkeys(later, _NOTHING))
            for each in list(later):
                self._known[each] = self._known_of_records(self._records[each], later.keys())
                del later[each]
        return self._known.get(name, _NOTHING)

    def _known_of_records(self, records: list[Record], later: Set[str]) -> Known:
        """What is known of the series of all records of a name; more will be known of `later`."""
        found = [self._known_of_record(record, later) for record in records]
        labels = [one.labels.possible for one in found]
        labelled = [one for one in labels if one is not None]
        possible = frozenset().union(*labelled) if len(labelled) == len(labels) else None
        return Known(Carried(possible), found[0].identity if len(found) == 1 else UNKNOWN)

    def _known_of_record(self, record: Record, later: Set[str]) -> Known:
        expression, own = record.expression, record.labels
        if isinstance(expression, PromqlError):
            return _NOTHING
        if later.isdisjoint(selector.metric or "" for selector in expression.selectors):
            result = self.result(expression)
        else:
            # Not kept: it changes with what becomes known.
            result = find_result(expression, self._known_of)
        possible, identity = result.labels.possible, result.identity
        return Known(
            Carried(None if possible is None else possible.union(own)),
            Identity(
                None if identity.free is None else identity.free.difference(own),
                {**identity.fixed, **own},
            ),
        )

    def _known_of_pattern(self, selector: VectorSelector) -> Known:
        patterns = [
            one.value
            for one in selector.matchers
            if one.name == "__name__" and one.operator == "=~"
        ]
        try:
            found = [
                (name, kind)
                for name, kind in self._kinds.items()
                if patterns and all(matches(pattern, name) for pattern in patterns)
            ]
        except RegexError:
            found = []
        return Known(identity=Identity(None, names=alike(found)))

    def _inputs_first(self, name: str) -> dict[str, None]:
        """The recorded series that `name` is made from and `name`, each after what it reads.

        Those that are known and what they are made from are left out. Rules may read one another in
        long chains, so nothing calls itself here.
        """
        found: dict[str, None] = {}
        entered: set[str] = set()
        waiting = [name]
        while waiting:
            each = waiting[-1]
            if each in entered or each in self._known or each not in self._records:
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
        return found

    def check(self, expression: Expression) -> list[str]:
        """A sentence for each unknown series, label or alert that an expression selects."""
        found = [self._check_selector(selector) for selector in expression.selectors]
        return list(dict.fromkeys(text for text in found if text))

    def _check_selector(self, selector: VectorSelector) -> str | None:
        name = selector.metric
        if name is None:
            return self._check_pattern(selector)
        if name not in self._known and name not in self._records:
            if not self._complete:
                return None
            known = [*self._known, *self._records]
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
        known = [*self._known, *self._records]
        if self._complete and not any(matches(patterns[0], name) for name in known):
            return f"no metric's name matches {patterns[0]}. Correct it."
        return None

    def _is_unknown(self, alertname: Matcher) -> bool:
        exact = alertname.operator == "="
        return self._complete and exact and alertname.value not in self._alerts


def _exported(metric: Metric, name: str, labels: Labels) -> Known:
    """What is known of a series of a metric."""
    fixed = {"job": metric.workload} if metric.workload else {}
    free = None if labels is None else labels.difference(fixed, {"namespace"})
    return Known(
        Carried(labels, (labels or frozenset()) & _CERTAIN),
        Identity(free, fixed),
        _bounds(metric, name),
    )


def _bounds(metric: Metric, name: str) -> Bounds:
    """The values that a series of a metric can have."""
    if metric.unit == "boolean":
        return TRUTH
    is_counter = metric.type == "counter" or (name != metric.name and not name.endswith("_sum"))
    return POSITIVE if is_counter else ANY
