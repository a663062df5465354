"""What is known of the results of an expression: labels, identity and values, in one walk."""

from collections.abc import Callable
from typing import NamedTuple

from promql.bounds import ANY, Bounds
from promql.expressions import Expression
from promql.identity import UNKNOWN, Identity, identity_at
from promql.labels import Carried, find_mismatch, labels_at
from promql.outcome import Outcome, outcome_at
from promql.tree import Binary, Node, Paren, VectorSelector, fold


class Known(NamedTuple):
    """What is known of the series of a metric."""

    labels: Carried = Carried(None)
    identity: Identity = UNKNOWN
    bounds: Bounds = ANY


class Result(NamedTuple):
    """What is known of the result of an expression, or of a part of one."""

    labels: Carried
    identity: Identity
    outcome: Outcome


def find_result(expression: Expression, known_of: Callable[[VectorSelector], Known]) -> Result:
    """What is known of the expression's result.

    `known_of` returns what is known of a selector's metric, without regard to its matchers.
    """
    text, unknown = expression.text, Known()

    def result_at(node: Node, inner: list[Result]) -> Result:
        if isinstance(node, Paren):
            return inner[0]
        known = known_of(node) if isinstance(node, VectorSelector) else unknown
        labels, identities, outcomes = zip(*inner, strict=True) if inner else ((), (), ())
        mismatch = find_mismatch(node, *labels) if isinstance(node, Binary) else ""
        return Result(
            labels_at(node, labels, known.labels),
            identity_at(node, identities, known.identity),
            outcome_at(node, outcomes, known.bounds, mismatch, text),
        )

    return fold(expression.nodes, result_at)
