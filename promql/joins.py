"""Operations on two vectors whose labels can never be the same."""

from collections.abc import Callable
from typing import NamedTuple

from promql.arguments import text_of
from promql.expressions import Expression
from promql.labels import NO_LABELS, Labels, labels_at
from promql.tree import Aggregation, Binary, Call, Node, VectorSelector, fold, of_series

_NONE: frozenset[str] = frozenset()


class _Sides(NamedTuple):
    """The labels that the series of a result may have, and those that each of them has."""

    possible: Labels
    certain: frozenset[str]


def find_mismatches(
    expression: Expression,
    labels_of: Callable[[str], Labels],
    certain_of: Callable[[str], frozenset[str]],
) -> dict[int, str]:
    """The `id` of each operation in which nothing matches -> the reason.

    One side lacks a label that all series of the other have, and that they must have in common.
    """
    if not any(isinstance(node, Binary) and _joins(node) for node in expression.nodes):
        return {}
    found: dict[int, str] = {}

    def sides_at(node: Node, inner: list[_Sides]) -> _Sides:
        if isinstance(node, Binary) and (reason := _mismatch(node, *inner)):
            start, end = node.span
            found[id(node)] = f"nothing matches in `{expression.text[start:end]}`, because {reason}"
        possible = labels_at(node, [one.possible for one in inner], labels_of)
        certain = _certain(node, [one.certain for one in inner], certain_of)
        return _Sides(possible, certain if possible is None else certain & possible)

    fold(expression.nodes, sides_at)
    return found


def _joins(node: Binary) -> bool:
    """Whether an operation returns only series that have a partner on the other side."""
    scalars = "scalar" in (node.lhs.value_type, node.rhs.value_type)
    return not scalars and node.operator not in ("or", "unless")


def _mismatch(node: Binary, left: _Sides, right: _Sides) -> str:
    if not _joins(node):
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


def _certain(
    node: Node, inner: list[frozenset[str]], certain_of: Callable[[str], frozenset[str]]
) -> frozenset[str]:
    match node:
        case VectorSelector():
            equal = {one.name for one in node.matchers if one.operator == "=" and one.value}
            empty = {one.name for one in node.matchers if one.operator != "=" or not one.value}
            own = certain_of(node.metric) if node.metric else _NONE
            return (own - empty) | equal
        case Aggregation(operator="topk" | "bottomk"):
            return inner[-1]
        case Aggregation():
            named = frozenset(node.grouping)
            return inner[-1] - named if node.without else inner[-1] & named
        case Binary():
            return _certain_of_binary(node, *inner)
        case Call():
            return _certain_of_call(node, inner)
        case _:
            return inner[0] if inner else _NONE


def _certain_of_binary(node: Binary, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    if node.lhs.value_type == "scalar":
        return right
    if node.rhs.value_type == "scalar" or node.operator in ("and", "unless"):
        return left
    if node.operator == "or":
        return left & right
    if node.matching is None:
        return left
    # A label that group_left takes from the other side may be missing there.
    kept = right if node.matching.cardinality == "one-to-many" else left
    return kept - frozenset(node.matching.include)


def _certain_of_call(node: Call, inner: list[frozenset[str]]) -> frozenset[str]:
    name = node.function.name
    if name in (*NO_LABELS, "absent", "absent_over_time"):
        return _NONE
    kept = next(iter(of_series(node, inner)), _NONE)
    if name in ("label_replace", "label_join"):
        target = text_of(node.args[1])
        return kept - {target} if target else _NONE
    return kept
