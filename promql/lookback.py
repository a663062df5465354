"""How far back an expression reads samples, and how many of them a range can hold."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from promql.tree import (
    Call,
    MatrixSelector,
    Node,
    Subquery,
    VectorSelector,
    unwrapped,
)

LOOKBACK = 300_000
"""Milliseconds for which a series without new samples keeps its last one."""
_NEED_TWO_SAMPLES = frozenset(
    {"delta", "deriv", "idelta", "increase", "irate", "predict_linear", "rate"}
)


class Reach(NamedTuple):
    """How far before the evaluation a selector reads.

    `begin` is the length of the path to it, in milliseconds: all ranges and offsets around it, its
    own included. It is below 0 if all that it reads is in the future. With `fixed`, the seconds
    since 1970 of an `@`, the path begins at that time.
    """

    selector: VectorSelector
    begin: int
    is_range: bool
    fixed: float | None


def find_reaches(tree: Node) -> Iterator[Reach]:
    """The reach of each selector. `@ start()` and `@ end()` are the evaluation of a rule."""
    waiting: list[tuple[Node, int, int, float | None]] = [(tree, 0, 0, None)]
    while waiting:
        node, outer, range_, fixed = waiting.pop()
        if isinstance(node, VectorSelector | Subquery):
            if node.at is not None:
                outer, fixed = 0, node.at if isinstance(node.at, float | int) else None
            outer += node.offset
            if isinstance(node, Subquery):
                waiting.append((node.expr, outer + node.range, 0, fixed))
            else:
                yield Reach(node, outer + range_, range_ > 0, fixed)
        elif isinstance(node, MatrixSelector):
            waiting.append((node.selector, outer, node.range, fixed))
        elif node.children:
            waiting += [(child, outer, 0, fixed) for child in node.children]


class Pace(NamedTuple):
    """A function that needs two samples in its range, in milliseconds.

    The samples are those of a metric, or of a subquery with a `step`; both are None for the samples
    of any metric, or for a subquery with the step of the evaluation.
    """

    function: str
    range: int
    metric: str | None
    step: int | None


def find_paces(walked: Iterable[Node]) -> Iterator[Pace]:
    """The calls among the nodes that need two samples."""
    for node in walked:
        if not isinstance(node, Call) or node.function.name not in _NEED_TWO_SAMPLES:
            continue
        argument = unwrapped(node.args[0])
        name = node.function.name
        if isinstance(argument, MatrixSelector):
            yield Pace(name, argument.range, argument.selector.metric, None)
        elif isinstance(argument, Subquery):
            yield Pace(name, argument.range, None, argument.step)
