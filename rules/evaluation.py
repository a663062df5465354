"""Checks whether Prometheus can evaluate a rule, and whether the rule can ever return anything."""

from collections.abc import Iterable, Iterator

from problems import Problems
from promql.arguments import check_arguments
from promql.durations import parse_duration
from promql.errors import PromqlError
from promql.expressions import Expression
from promql.identity import Identity, collision_of, override
from promql.lookback import LOOKBACK
from promql.tree import Binary, Node, unwrapped
from rules.rule import WATCHDOG, AnyRule, Record
from rules.series import Series

_TYPES = {
    "matrix": "returns samples over a range. Write a function around it, such as max_over_time",
    "string": "is a string. Write an expression that returns series",
}


def check_evaluation(rule: AnyRule, series: Series, problems: Problems) -> None:
    """Report a rule that Prometheus can't evaluate, that never returns anything, or always."""
    if isinstance(rule.expression, PromqlError):
        return
    for text in _problems(rule, rule.expression, series):
        rule.place.at("expr").report(problems, f"`expr` of {rule.name} {text}")


def _problems(rule: AnyRule, expression: Expression, series: Series) -> Iterable[str]:
    tree = expression.tree
    if advice := _TYPES.get(tree.value_type):
        return [f"{advice}."]
    if wrong := [f"fails: {reason}" for reason in dict.fromkeys(check_arguments(expression.nodes))]:
        return wrong
    _, identity, outcome = series.result(expression)
    if reason := _collision(rule, identity):
        return [f"fails: {reason}."]
    delay = parse_duration(rule.group.query_offset) if rule.group.query_offset else 0
    if wrong := list(_check_times(expression, delay)):
        return wrong
    if outcome.never:
        return [f"never returns anything: {outcome.never}. Correct it."]
    if isinstance(rule, Record) or rule.name == WATCHDOG:
        return []
    if outcome.is_sure:
        return ["always returns something, so the alert always fires. Compare with a limit."]
    if _is_truth(tree) and outcome.bounds.low == 0:
        return ["returns 0 where it should return nothing, and the alert fires. Remove `bool`."]
    return []


def _collision(rule: AnyRule, identity: Identity) -> str:
    """Why two results of a rule get the same labels; "" if they do not."""
    if identity.collision:
        return identity.collision
    if identity.names:
        return collision_of(identity.names)
    # A template in an alert's label may keep what distinguishes the results.
    constant = [
        name for name, value in rule.labels.items() if isinstance(rule, Record) or "{{" not in value
    ]
    if not (lost := override(identity, constant)):
        return ""
    labels = " and ".join(sorted(lost))
    return (
        f"its results differ in {labels} alone, and the labels of the rule or its group replace"
        " that. Remove those labels, or aggregate"
    )


def _check_times(expression: Expression, delay: int) -> Iterator[str]:
    """Report selectors of fixed times, and of times that are in the future at an evaluation.

    `delay` is how long before the present a rule is evaluated, in milliseconds.
    """
    if "@" not in expression.text and "offset" not in expression.text.lower():
        return  # All ranges end at the evaluation.
    for selector, begin, is_range, fixed in expression.reaches:
        name = selector.metric or "a selector"
        if fixed is not None:
            yield (
                f"reads {name} @ {fixed:g}, a fixed time that retention deletes. Write `offset`,"
                " which moves with the evaluation."
            )
        elif begin + (0 if is_range else LOOKBACK) + delay <= 0:
            yield f"reads {name} in the future alone. Write a positive `offset`."


def _is_truth(tree: Node) -> bool:
    """Whether an expression returns the 0 or 1 of a comparison."""
    tree = unwrapped(tree)
    return isinstance(tree, Binary) and tree.returns_bool
