"""What an expression can return: in which range its values are, and whether anything at all."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from promql.bounds import (
    ANY,
    COUNT,
    DERIVED,
    FIXED,
    NAN,
    POSITIVE,
    TRUTH,
    Bounds,
    add_up,
    calculate,
    compare,
    exactly,
    negate,
)
from promql.checks import COMPARISONS
from promql.expressions import Expression
from promql.lookback import LOOKBACK
from promql.regex import RegexError, matches
from promql.tree import (
    Aggregation,
    Binary,
    Call,
    Matcher,
    MatrixSelector,
    Node,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
    fold,
    of_series,
    unwrapped,
)

BoundsOf: TypeAlias = Callable[[str], Bounds]
"""The values that the series of a metric can have."""
Series: TypeAlias = tuple[object, ...]
"""What a selector selects, whatever its place in the text; () if a result is no selector's."""
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Fact(NamedTuple):
    """What a result says of the series from which it comes; NaN is excluded by a comparison."""

    bounds: Bounds
    is_compared: bool = False


class Outcome(NamedTuple):
    """What an expression can return.

    `bounds` hold for all values. `never` says why there is never a result, and is "" if there may
    be one; `is_sure` says that there is one whatever series exist. A result means that the
    selectors in `needs` have series and those in `lacks` have none, and that the series with its
    labels that each selector in `facts` has is as the fact says. `series` is the selector whose
    values the result's are; `is_filter` says that it has all of them that are within `bounds`.
    """

    bounds: Bounds = ANY
    never: str = ""
    is_sure: bool = False
    needs: frozenset[Series] = frozenset()
    lacks: frozenset[Series] = frozenset()
    facts: Mapping[Series, Fact] = MappingProxyType({})
    series: Series = ()
    is_filter: bool = False


def find_outcome(
    expression: Expression, bounds_of: BoundsOf, mismatches: Mapping[int, str]
) -> Outcome:
    """What the expression can return.

    `mismatches` are those of `promql.joins`: the `id` of an operation -> why nothing matches.
    """
    text = expression.text

    def outcome_at(node: Node, inner: list[Outcome]) -> Outcome:
        found = _outcome(node, inner, text, bounds_of)
        if mismatches and not found.never and id(node) in mismatches:
            found = found._replace(never=mismatches[id(node)], is_sure=False)
        if found.never or found.needs.isdisjoint(found.lacks):
            return found
        start, end = node.span
        reason = f"`{text[start:end]}` needs series that are there and missing at once"
        return found._replace(never=reason)

    return fold(expression.nodes, outcome_at)


def _outcome(node: Node, inner: list[Outcome], text: str, bounds_of: BoundsOf) -> Outcome:
    match node:
        case VectorSelector():
            return _selector(node, bounds_of)
        case Binary():
            start, end = node.span
            left, right = inner
            return _binary(node, left, right, text[start:end])
        case Number():
            return Outcome(exactly(node.value), is_sure=True)
        case Aggregation():
            return _aggregation(node, inner)
        case Call():
            return _call(node, inner)
        case MatrixSelector() | Subquery():
            return Outcome(inner[0].bounds, inner[0].never)
        case Paren():
            return inner[0]
        case String():
            return Outcome(is_sure=True)
        case Unary():
            bounds = negate(inner[0].bounds) if node.operator == "-" else inner[0].bounds
            return inner[0]._replace(bounds=bounds, series=(), is_filter=False)


def _selector(node: VectorSelector, bounds_of: BoundsOf) -> Outcome:
    name = _series(node)
    bounds = bounds_of(node.metric) if node.metric else ANY
    return Outcome(
        bounds,
        never=_contradiction(node),
        needs=frozenset([name]),
        facts={name: Fact(bounds)},
        series=name,
        is_filter=True,
    )


def _series(node: VectorSelector) -> Series:
    return node.metric, node.matchers, node.offset, node.at


def _contradiction(node: VectorSelector) -> str:
    """Why no series can match the selector; "" if one can."""
    if len(node.matchers) < 2:
        return ""
    values = {one.name: one.value for one in node.matchers if one.operator == "="}
    for one in node.matchers:
        value = values.get(one.name)
        if value is not None and not _is_met(one, value):
            return f"no {one.name} is {value!r} and fits {one.name}{one.operator}{one.value!r}"
    return ""


def _is_met(matcher: Matcher, value: str) -> bool:
    try:
        match matcher.operator:
            case "=":
                return value == matcher.value
            case "!=":
                return value != matcher.value
            case "=~":
                return matches(matcher.value, value)
            case "!~":
                return not matches(matcher.value, value)
    except RegexError:
        return True  # The parser reports it.


def _aggregation(node: Aggregation, inner: list[Outcome]) -> Outcome:
    vector = inner[-1]
    parameter = inner[0].bounds if node.param is not None else ANY
    never = vector.never
    match node.operator:
        case "count" | "count_values":
            bounds = COUNT
        case "group":
            bounds = exactly(1)
        case "stddev" | "stdvar":
            bounds = POSITIVE
        case "sum":
            bounds = add_up(vector.bounds)
        case "quantile":
            bounds = vector.bounds if parameter.within(TRUTH) else ANY
        case "topk" | "bottomk":
            if parameter.high < 1 and parameter != NAN:
                never = never or f"{node.operator} of {parameter} series returns none"
            return vector._replace(never=never, is_filter=False)
        case _:  # avg, max, min
            bounds = vector.bounds
    return Outcome(bounds, never, vector.is_sure, vector.needs, vector.lacks)


def _call(node: Call, inner: list[Outcome]) -> Outcome:
    name = node.function.name
    if name in ("absent", "absent_over_time"):
        return _absent(node, inner[0])
    main = next(iter(of_series(node, inner)), Outcome(is_sure=True))
    scalars = [
        one.bounds
        for argument, one in zip(node.args, inner, strict=True)
        if argument.value_type == "scalar"
    ]
    if name == "scalar":
        return Outcome(NAN if main.never else main.bounds._replace(has_nan=True), is_sure=True)
    never = main.never
    if name == "vector":
        bounds = scalars[0]
    elif name == "clamp":
        low, high = scalars
        if low.low > high.high and NAN not in scalars:
            never = never or f"clamp to at least {low} and at most {high} returns nothing"
        bounds = _clamp(main.bounds, low, high)
    elif name == "clamp_min":
        bounds = _clamp(main.bounds, scalars[0], exactly(math.inf))
    elif name == "clamp_max":
        bounds = _clamp(main.bounds, exactly(-math.inf), scalars[0])
    elif name == "quantile_over_time":
        bounds = main.bounds if scalars[0].within(TRUTH) else ANY
    elif name in DERIVED:
        bounds = DERIVED[name](main.bounds)
    else:
        bounds = FIXED.get(name, ANY)
    facts = {} if name in ("label_join", "label_replace") else main.facts
    is_sure = main.is_sure and name not in ("clamp", "histogram_quantile", "histogram_fraction")
    return Outcome(bounds, never, is_sure and not never, main.needs, main.lacks, facts)


def _absent(node: Call, inner: Outcome) -> Outcome:
    argument = unwrapped(node.args[0])
    if isinstance(argument, MatrixSelector) and argument.range >= LOOKBACK:
        argument = argument.selector
    never = "absent of something that always exists returns nothing" if inner.is_sure else ""
    lacks = frozenset([_series(argument)]) if isinstance(argument, VectorSelector) else frozenset()
    return Outcome(exactly(1), never, bool(inner.never), lacks=lacks)


def _clamp(inner: Bounds, low: Bounds, high: Bounds) -> Bounds:
    if NAN in (inner, low, high):
        return ANY
    return Bounds(
        max(low.low, min(high.low, inner.low)),
        max(low.high, min(high.high, inner.high)),
        inner.has_nan or low.has_nan or high.has_nan,
    )


def _binary(node: Binary, left: Outcome, right: Outcome, text: str) -> Outcome:
    if node.operator == "or":
        return _union(left, right)
    if node.operator == "unless":
        return _difference(left, right, text)
    needs, lacks = left.needs | right.needs, left.lacks | right.lacks
    facts, never = _both(node, left, right)
    never = left.never or right.never or never
    if node.operator == "and":
        return left._replace(
            never=never, is_sure=False, needs=needs, lacks=lacks, facts=facts, is_filter=False
        )
    scalars = "scalar" in (node.lhs.value_type, node.rhs.value_type)
    is_sure = scalars and left.is_sure and right.is_sure
    if node.operator not in COMPARISONS:
        bounds = calculate(node.operator, left.bounds, right.bounds)
        return Outcome(bounds, never, is_sure, needs, lacks, facts)
    kept, is_always = compare(node.operator, left.bounds, right.bounds)
    if node.returns_bool:
        bounds = exactly(0) if kept is None else exactly(1) if is_always else TRUTH
        return Outcome(bounds, never, is_sure, needs, lacks, facts)
    main = left
    if node.lhs.value_type == "scalar":
        operator = _MIRRORED.get(node.operator, node.operator)
        main, kept = right, compare(operator, right.bounds, left.bounds)[0]
    if kept is None:
        reason = f"the left side of `{text}` is {left.bounds}, the right side {right.bounds}"
        return Outcome(main.bounds, never or reason, False, needs, lacks)
    if main.series in facts and node.operator != "!=":
        facts = {**facts, main.series: Fact(kept, is_compared=True)}
    is_filter = main.is_filter and scalars and node.operator != "!="
    is_sure = is_sure and is_always
    return Outcome(kept, never, is_sure, needs, lacks, facts, main.series, is_filter)


def _both(node: Binary, left: Outcome, right: Outcome) -> tuple[Mapping[Series, Fact], str]:
    """The facts of two vectors whose labels are the same, and why there are no such series."""
    if node.matching is not None:
        return (left.facts if node.operator == "and" else {}), ""
    if not right.facts:
        return left.facts, ""
    facts = dict(left.facts)
    for series, fact in right.facts.items():
        own = facts.get(series)
        if own is None or not own.is_compared:
            facts[series] = fact
        elif fact.is_compared:
            bounds = own.bounds.common(fact.bounds)
            if bounds.low > bounds.high:
                reason = f"no series is {own.bounds} and {fact.bounds} at once"
                return facts, reason
            facts[series] = Fact(bounds, is_compared=True)
    return facts, ""


def _union(left: Outcome, right: Outcome) -> Outcome:
    if left.never or right.never:
        only = right if left.never else left
        return only._replace(series=(), is_filter=False)
    facts = {
        series: Fact(
            fact.bounds.hull(right.facts[series].bounds),
            fact.is_compared and right.facts[series].is_compared,
        )
        for series, fact in left.facts.items()
        if series in right.facts
    }
    return Outcome(
        left.bounds.hull(right.bounds),
        is_sure=left.is_sure or right.is_sure,
        needs=left.needs & right.needs,
        lacks=left.lacks & right.lacks,
        facts=facts,
    )


def _difference(left: Outcome, right: Outcome, text: str) -> Outcome:
    never = left.never
    fact = left.facts.get(right.series) if right.is_filter and not right.never else None
    if fact is not None and not never and _covers(right, fact):
        never = f"`{text}` takes away all that its left side returns"
    return left._replace(never=never, is_sure=False, is_filter=False)


def _covers(right: Outcome, fact: Fact) -> bool:
    """Whether a filter returns every series of which the fact is true."""
    own = right.facts[right.series]
    return not own.is_compared or (fact.is_compared and fact.bounds.within(right.bounds))
