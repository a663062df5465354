"""An expression means to us what it means to Prometheus."""

import math
from typing import Any

from promql.errors import PromqlError
from promql.parser import parse_tree
from promql.tree import (
    Aggregation,
    At,
    Binary,
    Call,
    MatrixSelector,
    Node,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
    fold,
    nodes,
)
from tests.support import promql_texts, server_tests
from tests.support.verdicts import SHOWN, Comparison


def test_trees_of_valid_expressions_are_those_of_prometheus(compare: Comparison) -> None:
    texts = [*server_tests.expressions(), *promql_texts.written(10_000)]
    ours = {text: tree for text in texts if (tree := _parse(text)) is not None}
    answers = compare.ask("prometheus", [{"kind": "expr", "text": text} for text in ours])
    wrong = sorted(
        f"{text!r}: {_numbers(answer.more['tree'])}, not {_described(tree)}"
        for (text, tree), answer in zip(ours.items(), answers, strict=True)
        if answer.valid
        and (answer.more["type"], _numbers(answer.more["tree"]))
        != (tree.value_type, _described(tree))
    )
    assert not wrong, "\n".join([f"{len(wrong)} of {len(ours)} differ:", *wrong[:SHOWN]])
    assert len(ours) > len(texts) / 3


def _parse(text: str) -> Node | None:
    try:
        return parse_tree(text)
    except PromqlError:
        return None


def _described(tree: Node) -> list[Any]:
    return fold(nodes(tree), _node)


def _node(node: Node, children: list[list[Any]]) -> list[Any]:
    """The node as the judge writes it."""
    match node:
        case Number():
            return ["number", _number(node.value)]
        case String():
            return ["string", _text(node.value)]
        case VectorSelector():
            name = [] if node.metric is None else [f"__name__ = {node.metric}"]
            others = [f"{one.name} {one.operator} {one.value}" for one in node.matchers]
            matchers = sorted(map(_text, [*name, *others]))
            return ["selector", matchers, node.offset, _moment(node.at)]
        case MatrixSelector():
            return ["matrix", node.range, *children]
        case Subquery():
            return [
                "subquery",
                node.range,
                node.step or 0,
                node.offset,
                _moment(node.at),
                *children,
            ]
        case Call():
            return ["call", node.function.name, *children]
        case Aggregation():
            return ["aggregation", node.operator, node.without, [*node.grouping], *children]
        case Binary():
            return ["binary", node.operator, node.returns_bool, _matching(node), *children]
        case Unary():
            return ["unary", node.operator, *children]
        case Paren():
            return ["paren", *children]


def _matching(node: Binary) -> list[Any] | None:
    """None if all labels decide which series belong together, whether or not the text says so."""
    one = node.matching
    if one is None or not (one.on or one.labels or one.cardinality.count("one") == 1):
        return None
    return [one.cardinality, one.on, [*one.labels], [*one.include]]


def _text(value: str) -> str:
    """The text in JSON, which has no bytes that are no UTF-8."""
    return value.encode(errors="surrogateescape").decode(errors="replace")


def _moment(at: At) -> At:
    """Prometheus rounds times to milliseconds."""
    return math.floor(at * 1000 + 0.5) / 1000 if isinstance(at, float) else at


def _number(value: float) -> float | str:
    """A number that equals itself."""
    return "NaN" if math.isnan(value) else value


def _numbers(tree: Any) -> Any:
    """The judge's tree with its numbers, which it writes as text, as numbers."""
    if not isinstance(tree, list):
        return tree
    if tree[:1] == ["number"]:
        return ["number", _number(float(tree[1]))]
    return [_numbers(one) for one in tree]
