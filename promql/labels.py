"""The labels that the result of a PromQL expression can carry."""

from collections.abc import Callable
from typing import TypeAlias

from promql.expressions import Expression
from promql.tree import (
    Aggregation,
    Binary,
    Call,
    MatrixSelector,
    Node,
    Number,
    String,
    VectorSelector,
    fold,
    of_series,
    unwrapped,
)

Labels: TypeAlias = frozenset[str] | None
"""Names of the labels that a result can carry; None if unknown."""

_KEEP_SERIES = frozenset({"topk", "bottomk"})
NO_LABELS = frozenset({"scalar", "vector", "time", "pi"})
"""Functions whose results have no labels."""
_NONE: frozenset[str] = frozenset()


def result_labels(expression: Expression, labels_of: Callable[[str], Labels]) -> Labels:
    """The labels of an expression's result; `labels_of` returns those of a metric."""
    return fold(expression.nodes, lambda node, inner: labels_at(node, inner, labels_of))


def labels_at(node: Node, inner: list[Labels], labels_of: Callable[[str], Labels]) -> Labels:
    """The labels of a node's result from those of its children."""
    match node:
        case VectorSelector(metric=metric):
            return labels_of(metric) if metric else None
        case Aggregation():
            return _aggregation(node, inner[-1])
        case Binary():
            return _binary(node, *inner)
        case Call():
            return _call(node, inner)
        case Number() | String():
            return _NONE
        case _:
            return inner[0]


def _aggregation(node: Aggregation, inner: Labels) -> Labels:
    if node.operator in _KEEP_SERIES:
        return inner
    named = frozenset(node.grouping)
    if node.without:
        kept = None if inner is None else inner - named
    else:
        kept = named if inner is None else named & inner
    if isinstance(node.param, String):  # The label that count_values writes.
        return None if kept is None else kept | {node.param.value}
    return kept


def _binary(node: Binary, left: Labels, right: Labels) -> Labels:
    matching = node.matching
    if node.lhs.value_type == "scalar":
        return right
    if node.rhs.value_type == "scalar" or node.operator in ("and", "unless"):
        return left
    if node.operator == "or":
        return None if left is None or right is None else left | right
    if matching is None:
        return left
    extra = frozenset(matching.include)
    if matching.cardinality == "many-to-one":
        return None if left is None else left | extra
    if matching.cardinality == "one-to-many":
        return None if right is None else right | extra
    named = frozenset(matching.labels)
    if matching.on:
        return named if left is None else named & left
    return None if left is None else left - named


def _call(node: Call, inner: list[Labels]) -> Labels:
    name = node.function.name
    if name in NO_LABELS:
        return _NONE
    if name in ("absent", "absent_over_time"):
        return _absent(node.args[0])
    kept = next(iter(of_series(node, inner)), _NONE)
    if kept is None:
        return None
    if name in ("label_replace", "label_join"):
        target = node.args[1]
        return kept | {target.value} if isinstance(target, String) else None
    return kept - {"le"} if name == "histogram_quantile" else kept


def _absent(argument: Node) -> Labels:
    argument = unwrapped(argument)
    if isinstance(argument, MatrixSelector):
        argument = argument.selector
    if not isinstance(argument, VectorSelector):
        return _NONE
    named = [matcher.name for matcher in argument.matchers]
    return frozenset(
        matcher.name
        for matcher in argument.matchers
        if matcher.operator == "=" and matcher.name != "__name__" and named.count(matcher.name) == 1
    )
