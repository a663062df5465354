"""PromQL: whether an expression parses, which series it selects, what it compares with."""

import re
from collections.abc import Iterator
from datetime import timedelta

import promql_parser as pp

_MAX_LENGTH = 4096
_MAX_DEPTH = 40
_MAX_OPERATORS = 200
# What is inside quotes or comments is blanked before the text is looked at.
_QUOTED = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)|#[^\n]*""")
_OPERATOR = re.compile(r"[-+*/%^<>=!]+|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\w+|\{\w+)|\[\[\w+\]\]")
_COMPARED = re.compile(
    r"(?:[=!]=|[<>]=?)\s*(?:bool\b\s*)?([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w.:])",
    re.IGNORECASE,
)
# Times and durations that no clock can hold: the parser panics on them.
_ENDLESS = re.compile(
    r"(?:@|\boffset\b|\[(?:[^\]]*:)?)[\s+-]*(?:inf|nan|0x|[\d.]+e|\d{11})", re.IGNORECASE
)
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}


class PromqlError(ValueError):
    """The expression can't be used; the message is the reason, on one line, and what to do."""


def parse(text: str) -> pp.Expr:
    """Parse an expression.

    Raises PromqlError if it doesn't parse, keeps a dashboard's $variable, or is too long or too
    deep for a parser that recurses.
    """
    bare = _blanked(text)
    depth = deepest = 0
    for character in bare:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    operators = sum(len(found) for found in _OPERATOR.findall(bare))
    if len(text) > _MAX_LENGTH or deepest > _MAX_DEPTH or operators > _MAX_OPERATORS:
        raise PromqlError("is too long or too deeply nested. Split it into recording rules.")
    if variable := _VARIABLE.search(bare):
        raise PromqlError(f"keeps the dashboard variable {variable[0]}. Write the value out.")
    if endless := _ENDLESS.search(bare):
        raise PromqlError(f"has no time that makes sense in {endless[0]}. Write it out.")
    try:
        tree = pp.parse(text)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # A panic of the parser is no Exception.
        raise PromqlError(f"does not parse: {error}. Correct it.") from None
    for selector in selectors(tree):
        for matcher in matchers(selector):
            if variable := _VARIABLE.search(matcher.value):
                raise PromqlError(
                    f"keeps the dashboard variable {variable[0]}. Write the value out."
                )
    return tree


def nodes(tree: pp.Expr) -> Iterator[pp.Expr]:
    """Every node of the tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case pp.BinaryExpr():
                waiting += [node.lhs, node.rhs]
            case pp.AggregateExpr():
                waiting += [node.expr] + ([node.param] if node.param is not None else [])
            case pp.Call():
                waiting += node.args
            case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
                waiting.append(node.expr)
            case pp.MatrixSelector():
                waiting.append(node.vector_selector)


def selectors(tree: pp.Expr) -> list[pp.VectorSelector]:
    """Every selector of series in the tree."""
    return [node for node in nodes(tree) if isinstance(node, pp.VectorSelector)]


def matchers(selector: pp.VectorSelector) -> list[pp.Matcher]:
    """The label matchers of a selector, those joined by `or` as well."""
    groups = [selector.matchers.matchers, *selector.matchers.or_matchers]
    return [matcher for group in groups for matcher in group]


def metric_name(selector: pp.VectorSelector) -> str | None:
    """The metric that a selector names, if it names one."""
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__" and matcher.op == pp.MatchOp.Equal:
            return matcher.value
    return selector.name


def ranges(tree: pp.Expr) -> list[int]:
    """How far each range of the tree reaches back, in milliseconds, its offset included."""
    none = timedelta()
    found = [
        (node.range or none)
        + (
            (node.offset if isinstance(node, pp.SubqueryExpr) else node.vector_selector.offset)
            or none
        )
        for node in nodes(tree)
        if isinstance(node, pp.MatrixSelector | pp.SubqueryExpr)
    ]
    return [length // timedelta(milliseconds=1) for length in found]


def comparisons(text: str, number: float) -> list[tuple[int, int]]:
    """Where the number is the right operand of a comparison: (start, end) in the text."""
    spots = [m.span(1) for m in _COMPARED.finditer(_blanked(text)) if float(m[1]) == number]
    operands = [
        node
        for node in nodes(parse(text))
        if isinstance(node, pp.BinaryExpr)
        and str(node.op) in _COMPARISONS
        and isinstance(node.rhs, pp.NumberLiteral)
        and node.rhs.val == number
    ]
    # `x > 2 * y` has the text of a comparison with 2, but the operand is the product.
    return spots if len(spots) == len(operands) else []


def _blanked(text: str) -> str:
    return _QUOTED.sub(lambda match: " " * len(match[0]), text)
