"""Parsed PromQL expressions: the series they select and the numbers they compare with."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TypeAlias

import promql_parser as pp

from promql.variables import VARIABLE

Span: TypeAlias = tuple[int, int]
"""(start, end) offsets in a text."""

_MAX_LENGTH = 4096
_MAX_DEPTH = 40
_MAX_OPERATORS = 200
_MAX_KEPT = 4096
_QUOTED = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)|#[^\n]*""")
_OPERATOR = re.compile(r"[-+*/%^<>=!]+|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_COMPARED = re.compile(
    r"(?:[=!]=|[<>]=?)\s*(?:bool\b\s*)?([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w.:])",
    re.IGNORECASE,
)
# Times and durations that overflow and make the parser panic.
_ENDLESS = re.compile(
    r"(?:@|\boffset\b|\[(?:[^\]]*:)?)[\s+-]*(?:inf|nan|0x|[\d.]+e|\d{11})", re.IGNORECASE
)
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}


class PromqlError(ValueError):
    """The expression is invalid. The message is one line: the reason, and what to do."""


@dataclass(frozen=True)
class Selector:
    """A selector of series.

    `metric` is None if the selector names no metric. `matchers` include the alternatives that `or`
    joins, and `has_alternatives` tells whether there are any. `offset` is in milliseconds.
    """

    metric: str | None
    matchers: tuple[pp.Matcher, ...]
    has_alternatives: bool
    offset: int

    @classmethod
    def of(cls, node: pp.VectorSelector) -> "Selector":
        """The selector at a node of the parser's tree."""
        every, alternatives = node.matchers.matchers, node.matchers.or_matchers
        named = (
            matcher.value
            for matcher in every
            if matcher.name == "__name__" and matcher.op == pp.MatchOp.Equal
        )
        return cls(
            metric=next(named, node.name),
            matchers=tuple(matcher for group in (every, *alternatives) for matcher in group),
            has_alternatives=bool(alternatives),
            offset=_milliseconds(node.offset),
        )


@dataclass(frozen=True)
class Expression:
    """A parsed expression, as `parse` returns it.

    `ranges` holds, for each range selector and subquery, how far it looks back: its range plus its
    offset, in milliseconds.
    """

    text: str
    tree: pp.Expr = field(compare=False, repr=False)
    selectors: tuple[Selector, ...] = field(compare=False, repr=False)
    ranges: tuple[int, ...] = field(compare=False, repr=False)

    @property
    def canonical(self) -> str:
        """The expression in the parser's own form, the same for texts that mean the same."""
        return self.tree.prettify()

    @property
    def range_functions(self) -> frozenset[str]:
        """The names of the functions that read a range."""
        return frozenset(
            node.func.name
            for node in nodes(self.tree)
            if isinstance(node, pp.Call)
            for argument in node.args
            if isinstance(argument, pp.MatrixSelector | pp.SubqueryExpr)
        )

    def comparisons(self, number: float) -> list[Span]:
        """The spans of the text where `number` is the right operand of a comparison."""
        found = _COMPARED.finditer(_blank_quotes(self.text))
        spans = [match.span(1) for match in found if float(match[1]) == number]
        operands = [
            node
            for node in nodes(self.tree)
            if isinstance(node, pp.BinaryExpr)
            and str(node.op) in _COMPARISONS
            and isinstance(node.rhs, pp.NumberLiteral)
            and node.rhs.val == number
        ]
        # `x > 2 * y` looks like a comparison with 2, but its right operand is the product.
        return spans if len(spans) == len(operands) else []


@lru_cache(maxsize=_MAX_KEPT)
def parse(text: str) -> Expression:
    """Parse an expression; results are cached by text.

    Raises PromqlError if the text doesn't parse, contains a dashboard's $variable, or is too long
    or too deep for the parser, which recurses.
    """
    bare = _blank_quotes(text)
    depth = deepest = 0
    for character in bare:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    operators = sum(len(found) for found in _OPERATOR.findall(bare))
    if len(text) > _MAX_LENGTH or deepest > _MAX_DEPTH or operators > _MAX_OPERATORS:
        raise PromqlError("is too long or too deeply nested. Split it into recording rules.")
    _refuse_variables(bare)
    if endless := _ENDLESS.search(bare):
        raise PromqlError(f"has an impossible time in {endless[0]}. Write a duration such as 5m.")
    try:
        tree = pp.parse(text)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # A panic of the parser is not an Exception.
        raise PromqlError(f"does not parse: {error}. Correct it.") from None
    selectors = tuple(
        Selector.of(node) for node in nodes(tree) if isinstance(node, pp.VectorSelector)
    )
    for selector in selectors:
        for matcher in selector.matchers:
            _refuse_variables(matcher.value)
    return Expression(text, tree, selectors, tuple(_ranges(tree)))


def children(node: pp.Expr) -> list[pp.Expr]:
    """The operands and arguments of a node."""
    match node:
        case pp.BinaryExpr():
            return [node.lhs, node.rhs]
        case pp.AggregateExpr():
            return [node.expr] + ([node.param] if node.param is not None else [])
        case pp.Call():
            return list(node.args)
        case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
            return [node.expr]
        case pp.MatrixSelector():
            return [node.vector_selector]
        case _:
            return []


def nodes(tree: pp.Expr) -> Iterator[pp.Expr]:
    """Every node of the tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += children(node)


def _ranges(tree: pp.Expr) -> Iterator[int]:
    for node in nodes(tree):
        if isinstance(node, pp.MatrixSelector | pp.SubqueryExpr):
            shifted = node if isinstance(node, pp.SubqueryExpr) else node.vector_selector
            yield _milliseconds(node.range) + _milliseconds(shifted.offset)


def _milliseconds(time: timedelta | None) -> int:
    return (time or timedelta()) // timedelta(milliseconds=1)


def _refuse_variables(text: str) -> None:
    if variable := VARIABLE.search(text):
        raise PromqlError(f"contains the dashboard variable {variable[0]}. Write the value out.")


def _blank_quotes(text: str) -> str:
    """The text with quoted strings and comments replaced by as many spaces."""
    return _QUOTED.sub(lambda match: " " * len(match[0]), text)
