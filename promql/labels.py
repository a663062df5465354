"""The labels that the results of an expression carry, and operations in which nothing matches."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from promql.arguments import text_of
from promql.tree import (
    Aggregation,
    Binary,
    Call,
    MatrixSelector,
    Node,
    Number,
    String,
    VectorSelector,
    main_argument,
    unwrapped,
)

Labels: TypeAlias = frozenset[str] | None
"""Names of the labels that a result can carry; None if unknown."""

_KEEP_SERIES = frozenset({"topk", "bottomk"})
NO_LABELS = frozenset({"scalar", "vector", "time", "pi"})
"""Functions whose results have no labels."""
_NONE: frozenset[str] = frozenset()


class Carried(NamedTuple):
    """The labels that the series of a result can carry, and those that each of them carries."""

    possible: Labels
    certain: frozenset[str] = _NONE


_NO_LABELS = Carried(_NONE)


def labels_at(node: Node, inner: Sequence[Carried], selected: Carried) -> Carried:
    """The labels of a node's result from those of its children.

    `selected` are those of the metric, if the node is a selector.
    """
    match node:
        case VectorSelector():
            return _selector(node, selected) if node.matchers else selected
        case Binary():
            return _binary(node, *inner)
        case Call():
            return _call(node, inner)
        case Number() | String():
            return _NO_LABELS
        case Aggregation():
            return _aggregation(node, inner[-1])
        case _:
            return inner[0]


def find_mismatch(node: Binary, left: Carried, right: Carried) -> str:
    """Why an operation returns nothing: one side lacks a label that the other always has.

    "" if something may match, or need not.
    """
    scalars = "scalar" in (node.lhs.value_type, node.rhs.value_type)
    if scalars or node.operator in ("or", "unless"):
        return ""
    named = frozenset(node.matching.labels) if node.matching else _NONE
    is_on = node.matching is not None and node.matching.on
    for one, other, name in ((left, right, "left"), (right, left, "right")):
        if one.possible is None:
            continue
        lacking = other.certain - one.possible
        lacking = lacking & named if is_on else lacking - named
        if lacking:
            labels = " and ".join(sorted(lacking))
            return f"its {name} side has no label {labels}, which the other side always has"
    return ""


def _selector(node: VectorSelector, selected: Carried) -> Carried:
    possible, certain = selected
    equal = {one.name for one in node.matchers if one.operator == "=" and one.value}
    empty = {one.name for one in node.matchers if one.operator != "=" or not one.value}
    return _carried(possible, certain - empty | equal)


def _carried(possible: Labels, certain: frozenset[str]) -> Carried:
    return Carried(possible, certain if possible is None else certain & possible)


def _aggregation(node: Aggregation, inner: Carried) -> Carried:
    if node.operator in _KEEP_SERIES:
        return inner
    possible, certain = inner
    named = frozenset(node.grouping)
    if node.without:
        possible, certain = None if possible is None else possible - named, certain - named
    else:
        possible, certain = named if possible is None else named & possible, certain & named
    if isinstance(node.param, String) and possible is not None:
        possible |= {node.param.value}  # The label that count_values writes.
    return Carried(possible, certain)


def _binary(node: Binary, left: Carried, right: Carried) -> Carried:
    if node.lhs.value_type == "scalar":
        return right
    if node.rhs.value_type == "scalar" or node.operator in ("and", "unless"):
        return left
    if node.operator == "or":
        possible = None
        if left.possible is not None and right.possible is not None:
            possible = left.possible | right.possible
        return Carried(possible, left.certain & right.certain)
    matching = node.matching
    if matching is None:
        return left
    if matching.cardinality != "one-to-one":
        possible, certain = left if matching.cardinality == "many-to-one" else right
        # A label that group_left takes from the other side may be missing there.
        extra = frozenset(matching.include)
        return Carried(None if possible is None else possible | extra, certain - extra)
    named = frozenset(matching.labels)
    possible = left.possible
    if matching.on:
        return _carried(named if possible is None else named & possible, left.certain)
    return _carried(None if possible is None else possible - named, left.certain)


def _call(node: Call, inner: Sequence[Carried]) -> Carried:
    name = node.function.name
    if name in NO_LABELS:
        return _NO_LABELS
    if name in ("absent", "absent_over_time"):
        return Carried(_absent(node.args[0]))
    kept = main_argument(node, inner, _NO_LABELS)
    if name in ("label_replace", "label_join"):
        target, text = node.args[1], text_of(node.args[1])
        possible = kept.possible
        if possible is not None:
            possible = possible | {target.value} if isinstance(target, String) else None
        return Carried(possible, kept.certain - {text} if text else _NONE)
    if name == "histogram_quantile":
        possible = None if kept.possible is None else kept.possible - {"le"}
        return Carried(possible, kept.certain - {"le"})
    return kept


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
