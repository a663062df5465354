"""Constant arguments that make an expression fail when it is evaluated, or that are no use."""

import math
from collections.abc import Iterable, Iterator

from promql.regex import RegexError, Use, compile_regex
from promql.tree import Aggregation, Call, Node, Number, String, Unary, unwrapped

_QUANTILES = {"histogram_quantile", "quantile", "quantile_over_time"}
_MAX_COUNT = 2.0**63
"""Above the largest integer that Prometheus counts with."""


def check_arguments(walked: Iterable[Node]) -> Iterator[str]:
    """A sentence for each constant argument of the nodes that is wrong."""
    for node in walked:
        match node:
            case Call():
                yield from _call(node.function.name, node.args)
            case Aggregation() if node.param is not None:
                yield from _aggregation(node.operator, node.param)


def constant(node: Node) -> float | None:
    """The number that a node stands for; None if it is no constant."""
    match unwrapped(node):
        case Number(value=value):
            return value
        case Unary() as node:
            inner = constant(node.expr)
            return -inner if inner is not None and node.operator == "-" else inner
        case _:
            return None


def text_of(node: Node) -> str | None:
    """The string that a node stands for; None if it is none."""
    node = unwrapped(node)
    return node.value if isinstance(node, String) else None


def _call(name: str, arguments: tuple[Node, ...]) -> Iterator[str]:
    if name == "label_replace":
        if text_of(arguments[1]) == "":
            yield "label_replace writes to a label without a name. Name it."
        try:
            compile_regex(text_of(arguments[4]) or "", Use.RELABELLING)
        except RegexError as error:
            yield f"label_replace: {error}"
    elif name == "label_join":
        if "" in map(text_of, (arguments[1], *arguments[3:])):
            yield "label_join has a label without a name. Name it."
    elif name in _QUANTILES:
        yield from _quantile(name, constant(arguments[0]))


def _aggregation(operator: str, parameter: Node) -> Iterator[str]:
    number = constant(parameter)
    if operator == "count_values":
        if text_of(parameter) == "":
            yield "count_values writes to a label without a name. Name it."
    elif operator == "quantile":
        yield from _quantile(operator, number)
    elif number is not None and not number < _MAX_COUNT:
        yield f"{operator} can't return {number:g} series. Write a whole number such as 5."


def _quantile(name: str, number: float | None) -> Iterator[str]:
    if number is not None and not 0 <= number <= 1:
        result = "NaN" if math.isnan(number) else "infinite"
        yield f"{name} of {number:g} is always {result}. Write a share from 0 to 1, such as 0.95."
