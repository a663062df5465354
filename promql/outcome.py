"""What an expression can return: in which range its values are, and whether anything at all."""

import math
from collections.abc import Mapping, Sequence
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
    String,
    Subquery,
    Unary,
    VectorSelector,
    main_argument,
    unwrapped,
)

Series: TypeAlias = tuple[object, ...]
"""What a selector selects, whatever its place in the text; () if a result is no selector's."""
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Fact(NamedTuple):
    """What a result says of the series from which it comes; NaN is excluded by a comparison."""

    bounds: Bounds
    is_compared: bool = False


_NO_SERIES: frozenset[Series] = frozenset()
_NO_FACTS: Mapping[Series, Fact] = MappingProxyType({})


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
    needs: frozenset[Series] = _NO_SERIES
    lacks: frozenset[Series] = _NO_SERIES
    facts: Mapping[Series, Fact] = _NO_FACTS
    series: Series = ()
    is_filter: bool = False


_SURE = Outcome(is_sure=True)


def outcome_at(
    node: Node, inner: Sequence[Outcome], selected: Bounds, mismatch: str, text: str
) -> Outcome:
    """What a node of the expression `text` can return, from what its children can.

    `selected` are the bounds of the metric, if the node is a selector. `mismatch` says why nothing
    matches, if the node is an operation and nothing does.
    """
    match node:
        case VectorSelector():
            return _selector(node, selected)
        case Binary():
            left, right = inner
            start, end = node.span
            return _operation(node, left, right, mismatch, text[start:end])
        case Number():
            return Outcome(exactly(node.value), is_sure=True)
        case Call():
            return _call(node, inner)
        case Aggregation():
            return _aggregation(node, inner)
        case MatrixSelector() | Subquery():
            return Outcome(inner[0].bounds, inner[0].never)
        case String():
            return _SURE
        case Unary():
            bounds = negate(inner[0].bounds) if node.operator == "-" else inner[0].bounds
            return inner[0]._replace(bounds=bounds, series=(), is_filter=False)
        case _:
            return inner[0]


def _selector(node: VectorSelector, bounds: Bounds) -> Outcome:
    name = _series(node)
    facts = {name: Fact(bounds)}
    needs = frozenset([name])
    return Outcome(bounds, _contradiction(node), False, needs, _NO_SERIES, facts, name, True)


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


def _aggregation(node: Aggregation, inner: Sequence[Outcome]) -> Outcome:
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


def _call(node: Call, inner: Sequence[Outcome]) -> Outcome:
    name = node.function.name
    if name in ("absent", "absent_over_time"):
        return _absent(node, inner[0])
    main = main_argument(node, inner, _SURE)
    if name == "scalar":
        return Outcome(NAN if main.never else main.bounds._replace(has_nan=True), is_sure=True)
    never = main.never
    if name == "vector":
        bounds = inner[0].bounds
    elif name == "clamp":
        low, high = inner[1].bounds, inner[2].bounds
        if low.low > high.high and NAN not in (low, high):
            never = never or f"clamp to at least {low} and at most {high} returns nothing"
        bounds = _clamp(main.bounds, low, high)
    elif name == "clamp_min":
        bounds = _clamp(main.bounds, inner[1].bounds, exactly(math.inf))
    elif name == "clamp_max":
        bounds = _clamp(main.bounds, exactly(-math.inf), inner[1].bounds)
    elif name == "quantile_over_time":
        bounds = main.bounds if inner[0].bounds.within(TRUTH) else ANY
    elif name in DERIVED:
        bounds = DERIVED[name](main.bounds)
    else:
        bounds = FIXED.get(name, ANY)
    facts = _NO_FACTS if name in ("label_join", "label_replace") else main.facts
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


def _operation(node: Binary, left: Outcome, right: Outcome, mismatch: str, text: str) -> Outcome:
    found = _binary(node, left, right, text)
    if found.never:
        return found
    if mismatch:
        reason = f"nothing matches in `{text}`, because {mismatch}"
        return found._replace(never=reason, is_sure=False)
    if found.needs.isdisjoint(found.lacks):
        return found
    return found._replace(never=f"`{text}` needs series that are there and missing at once")


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
        return (left.facts if node.operator == "and" else _NO_FACTS), ""
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
