"""Checks whether Prometheus can evaluate a rule, and whether the rule can ever return anything."""

from collections.abc import Iterable, Iterator

from problems import Problems
from promql.arguments import check_arguments
from promql.bounds import ANY, POSITIVE, TRUTH, Bounds
from promql.durations import parse_duration
from promql.errors import PromqlError
from promql.expressions import Expression
from promql.identity import Identity, alike, collision_of, find_identity, override
from promql.joins import find_mismatches
from promql.lookback import LOOKBACK, find_reaches
from promql.outcome import find_outcome
from promql.regex import RegexError, matches
from promql.tree import Binary, Node, VectorSelector, unwrapped
from rules.inventory import Metric
from rules.rule import WATCHDOG, AnyRule, Record
from rules.series import Series

_TYPES = {
    "matrix": "returns samples over a range. Write a function around it, such as max_over_time",
    "string": "is a string. Write an expression that returns series",
}

_CERTAIN = frozenset({"instance", "job", "le", "namespace", "pod"})
"""Labels that no series lacks whose metric has them."""

_STATES = frozenset({"code", "condition", "outcome", "phase", "reason", "state", "status"})
"""Labels of which two metrics need not have a value in common."""


class Evaluation:
    """What is known about the values and labels of all series."""

    def __init__(self, metrics: Iterable[Metric], series: Series) -> None:
        self._series = series
        self._bounds: dict[str, Bounds] = {}
        self._identities: dict[str, Identity] = {}
        self._kinds: dict[str, object] = {}
        for metric in metrics:
            for name, labels in metric.series().items():
                self._bounds[name] = _bounds(metric, name)
                if labels is not None and not labels & _STATES:
                    self._kinds[name] = (metric.workload, labels)
                fixed = {"job": metric.workload} if metric.workload else {}
                free = None if labels is None else labels - fixed.keys() - {"namespace"}
                self._identities[name] = Identity(None if free is None else frozenset(free), fixed)

    def check(self, rule: AnyRule, problems: Problems) -> None:
        """Report a rule that Prometheus can't evaluate, that never returns anything, or always."""
        if isinstance(rule.expression, PromqlError):
            return
        place = rule.place.at("expr")
        for text in self._problems(rule, rule.expression):
            place.report(problems, f"`expr` of {rule.name} {text}")

    def _problems(self, rule: AnyRule, expression: Expression) -> Iterable[str]:
        tree = expression.tree
        if advice := _TYPES.get(tree.value_type):
            return [f"{advice}."]
        if wrong := [
            f"fails: {reason}" for reason in dict.fromkeys(check_arguments(expression.nodes))
        ]:
            return wrong
        if reason := self._collision(rule, expression):
            return [f"fails: {reason}."]
        delay = parse_duration(rule.group.query_offset) if rule.group.query_offset else 0
        if wrong := list(_check_times(tree, delay)):
            return wrong
        mismatches = find_mismatches(expression, self._series.labels_of, self._certain)
        outcome = find_outcome(expression, lambda name: self._bounds.get(name, ANY), mismatches)
        if outcome.never:
            return [f"never returns anything: {outcome.never}. Correct it."]
        if isinstance(rule, Record) or rule.name == WATCHDOG:
            return []
        if outcome.is_sure:
            return ["always returns something, so the alert always fires. Compare with a limit."]
        if _is_truth(tree) and outcome.bounds.low == 0:
            return ["returns 0 where it should return nothing, and the alert fires. Remove `bool`."]
        return []

    def _collision(self, rule: AnyRule, expression: Expression) -> str:
        """Why two results of a rule get the same labels; "" if they do not."""
        identity = find_identity(expression, self._identity_of)
        if identity.collision:
            return identity.collision
        if identity.names:
            return collision_of(identity.names)
        # A template in an alert's label may keep what distinguishes the results.
        constant = [
            name
            for name, value in rule.labels.items()
            if isinstance(rule, Record) or "{{" not in value
        ]
        if not (lost := override(identity, constant)):
            return ""
        labels = " and ".join(sorted(lost))
        return (
            f"its results differ in {labels} alone, and the labels of the rule or its group replace"
            " that. Remove those labels, or aggregate"
        )

    def _identity_of(self, selector: VectorSelector) -> Identity:
        name = selector.metric
        if name is None:
            return self._identity_of_pattern(selector)
        if name not in self._identities:
            names = self._series.inputs_first(name, self._identities)
            # Nothing is known about a record that uses its own result.
            self._identities.update(dict.fromkeys([*names, name], Identity(None)))
            for each in names:
                found = [self._recorded(record) for record in self._series.records(each)]
                if len(found) == 1:
                    self._identities[each] = found[0]
        return self._identities[name]

    def _certain(self, name: str) -> frozenset[str]:
        """The labels that all series of a metric have."""
        labels = self._series.labels_of(name) if name in self._bounds else None
        return (labels or frozenset()) & _CERTAIN

    def _recorded(self, record: Record) -> Identity:
        if isinstance(record.expression, PromqlError):
            return Identity(None)
        found = find_identity(record.expression, self._identity_of)
        free = None if found.free is None else found.free - record.labels.keys()
        return Identity(None if free is None else frozenset(free), {**found.fixed, **record.labels})

    def _identity_of_pattern(self, selector: VectorSelector) -> Identity:
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
        return Identity(None, names=alike(found))


def _check_times(tree: Node, delay: int) -> Iterator[str]:
    """Report selectors of fixed times, and of times that are in the future at an evaluation.

    `delay` is how long before the present a rule is evaluated, in milliseconds.
    """
    for selector, begin, is_range, fixed in find_reaches(tree):
        name = selector.metric or "a selector"
        if fixed is not None:
            yield (
                f"reads {name} @ {fixed:g}, a fixed time that retention deletes. Write `offset`,"
                " which moves with the evaluation."
            )
        elif begin + (0 if is_range else LOOKBACK) + delay <= 0:
            yield f"reads {name} in the future alone. Write a positive `offset`."


def _bounds(metric: Metric, name: str) -> Bounds:
    """The values that a series of a metric can have."""
    if metric.unit == "boolean":
        return TRUTH
    is_counter = metric.type == "counter" or (name != metric.name and not name.endswith("_sum"))
    return POSITIVE if is_counter else ANY


def _is_truth(tree: Node) -> bool:
    """Whether an expression returns the 0 or 1 of a comparison."""
    tree = unwrapped(tree)
    return isinstance(tree, Binary) and tree.returns_bool
