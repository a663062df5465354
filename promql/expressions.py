"""Parsed PromQL expressions: the series they select and the numbers they compare with."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache

from promql.checks import COMPARISONS
from promql.lookback import Reach, find_reaches
from promql.parser import parse_tree
from promql.tree import (
    Binary,
    Call,
    MatrixSelector,
    Node,
    Number,
    Span,
    Subquery,
    VectorSelector,
    fold,
    nodes,
)

_MAX_KEPT = 4096
_OPERANDS = frozenset({"args", "expr", "lhs", "param", "rhs", "selector"})
"""The fields of nodes that hold other nodes."""


@dataclass(frozen=True)
class Expression:
    """A parsed expression, as `parse` returns it.

    `nodes` are those of its tree, each before its children, in the order of the text.
    """

    text: str
    nodes: Sequence[Node] = field(compare=False, repr=False)
    selectors: tuple[VectorSelector, ...] = field(compare=False, repr=False)

    @property
    def tree(self) -> Node:
        """The tree of the whole expression."""
        return self.nodes[0]

    @property
    def ranges(self) -> list[int]:
        """How far each range selector and subquery looks back: range plus offset, milliseconds."""
        found = []
        for node in self.nodes:
            if isinstance(node, MatrixSelector):
                found.append(node.range + node.selector.offset)
            elif isinstance(node, Subquery):
                found.append(node.range + node.offset)
        return found

    @cached_property
    def reaches(self) -> tuple[Reach, ...]:
        """How far back each selector reads."""
        return tuple(find_reaches(self.tree))

    @property
    def canonical(self) -> str:
        """The tree as a text, the same for expressions that differ in their spelling alone."""
        return fold(self.nodes, _describe)

    @property
    def range_functions(self) -> frozenset[str]:
        """The names of the functions that read a range."""
        return frozenset(
            node.function.name
            for node in self.nodes
            if isinstance(node, Call) and "matrix" in node.function.arguments
        )

    def comparisons(self, number: float) -> list[Span]:
        """The spans of the text where `number` is the right operand of a comparison."""
        return [
            node.rhs.span
            for node in self.nodes
            if isinstance(node, Binary)
            and node.operator in COMPARISONS
            and isinstance(node.rhs, Number)
            and node.rhs.value == number
        ]


@lru_cache(maxsize=_MAX_KEPT)
def parse(text: str) -> Expression:
    """Parse an expression; results are cached by text.

    Raises PromqlError if Prometheus would refuse it or it contains a dashboard's $variable.
    """
    walked = nodes(parse_tree(text))
    selectors = tuple(node for node in walked if isinstance(node, VectorSelector))
    return Expression(text, walked, selectors)


def _describe(node: Node, operands: list[str]) -> str:
    own = [
        str(getattr(node, each.name))
        for each in fields(node)
        if each.compare and each.name not in _OPERANDS
    ]
    return f"{type(node).__name__}({', '.join(own + operands)})"
