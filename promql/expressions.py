"""Parsed PromQL expressions: the series they select and the numbers they compare with."""

from dataclasses import dataclass, field, fields
from functools import lru_cache

from promql.checks import COMPARISONS
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
    """A parsed expression, as `parse` returns it."""

    text: str
    tree: Node = field(compare=False, repr=False)
    selectors: tuple[VectorSelector, ...] = field(compare=False, repr=False)

    @property
    def ranges(self) -> list[int]:
        """How far each range selector and subquery looks back: range plus offset, milliseconds."""
        found = []
        for node in nodes(self.tree):
            if isinstance(node, MatrixSelector):
                found.append(node.range + node.selector.offset)
            elif isinstance(node, Subquery):
                found.append(node.range + node.offset)
        return found

    @property
    def canonical(self) -> str:
        """The tree as a text, the same for expressions that differ in their spelling alone."""
        return fold(self.tree, _describe)

    @property
    def range_functions(self) -> frozenset[str]:
        """The names of the functions that read a range."""
        return frozenset(
            node.function.name
            for node in nodes(self.tree)
            if isinstance(node, Call) and "matrix" in node.function.arguments
        )

    def comparisons(self, number: float) -> list[Span]:
        """The spans of the text where `number` is the right operand of a comparison."""
        return [
            node.rhs.span
            for node in nodes(self.tree)
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
    tree = parse_tree(text)
    selectors = tuple(node for node in nodes(tree) if isinstance(node, VectorSelector))
    return Expression(text, tree, selectors)


def _describe(node: Node, operands: list[str]) -> str:
    own = [
        str(getattr(node, each.name))
        for each in fields(node)
        if each.compare and each.name not in _OPERANDS
    ]
    return f"{type(node).__name__}({', '.join(own + operands)})"
