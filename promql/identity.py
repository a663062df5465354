"""The labels that distinguish an expression's results, and what takes the last of them away."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import NamedTuple

from promql.arguments import constant, text_of
from promql.checks import COMPARISONS
from promql.labels import NO_LABELS
from promql.regex import RegexError, Use, compile_regex
from promql.tree import (
    Aggregation,
    Binary,
    Call,
    Matcher,
    Node,
    Number,
    String,
    Unary,
    VectorSelector,
    main_argument,
)

TARGET = frozenset({"instance", "pod"})
"""Each of these labels distinguishes all targets of a job."""
_KEEP_NAMES = frozenset({"last_over_time", "sort", "sort_desc"})
_ANYTHING = frozenset({".*", "(.*)", "^.*$", "^(.*)$"})
_SOMETHING = frozenset({".+", "(.+)", "^.+$", "^(.+)$"})
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


class Identity(NamedTuple):
    """What distinguishes the series of a result.

    Series differ in labels of `free`, which is None if it is unknown, and have the values of
    `fixed`. Those of the metrics in `names`, if there are any, differ in their name alone.
    `collision` says why the server can't evaluate the expression.
    """

    free: frozenset[str] | None = frozenset()
    fixed: Mapping[str, str] = MappingProxyType({})
    names: tuple[str, ...] = ()
    collision: str = ""


NOTHING_DIFFERS = Identity()
UNKNOWN = Identity(None)


def identity_at(node: Node, inner: Sequence[Identity], selected: Identity) -> Identity:
    """What distinguishes the series of a node's result, from what distinguishes its children's.

    `selected` is what distinguishes the series of the metric, if the node is a selector.
    """
    found = _identity(node, inner, selected)
    if not found.collision:
        for one in inner:
            if one.collision:
                return found._replace(collision=one.collision)
    return found


def collision_of(names: tuple[str, ...]) -> str:
    """Why an expression that drops the names of these metrics fails."""
    first, second = names[:2]
    return (
        f"{first} and {second} have the same labels, and nothing distinguishes them without their"
        " names when both return something. Select one metric, or aggregate them"
    )


def override(identity: Identity, labels: Iterable[str]) -> frozenset[str]:
    """The labels that no longer distinguish the results if `labels` get one value each.

    Empty if the results may still differ.
    """
    free, taken = identity.free or frozenset(), frozenset(labels)
    # A job has several targets; what else distinguishes results may differ for each of them.
    for own in (free, free & TARGET if free - TARGET <= {"job"} else free):
        if own and own <= taken:
            return own
    return frozenset()


def alike(metrics: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """The first two metrics, of (name, what distinguishes its series), that are alike."""
    for (first, one), (second, other) in combinations(metrics, 2):
        if one == other:
            return first, second
    return ()


def _identity(node: Node, inner: Sequence[Identity], selected: Identity) -> Identity:
    match node:
        case VectorSelector():
            return _selector(node, selected) if node.matchers else selected
        case Binary():
            return _binary(node, *inner)
        case Call():
            return _call(node, inner)
        case Number() | String():
            return NOTHING_DIFFERS
        case Aggregation():
            return _aggregation(node, inner[-1])
        case Unary():
            return _without_names(inner[0])
        case _:
            return inner[0]


def _selector(node: VectorSelector, selected: Identity) -> Identity:
    equal = {one.name: one.value for one in node.matchers if one.operator == "="}
    free = None if selected.free is None else selected.free.difference(equal)
    if free and any(one.name in free and not _takes_any(one) for one in node.matchers):
        free = None
    return Identity(free, {**selected.fixed, **equal}, selected.names)


def _takes_any(matcher: Matcher) -> bool:
    """Whether a matcher takes all values of a label that is there; others may take a single one."""
    return matcher[1:] in (("!=", ""), ("=~", ".+"), ("=~", ".*"))


def _without_names(found: Identity) -> Identity:
    if not found.names:
        return found
    return found._replace(names=(), collision=found.collision or collision_of(found.names))


def _aggregation(node: Aggregation, inner: Identity) -> Identity:
    named = frozenset(node.grouping)
    if node.operator in ("topk", "bottomk") and node.param is not None:
        count = constant(node.param)
        if count is not None and count >= 2:
            return inner
        # One series for each group, or nobody knows how many.
        return Identity(None if count is None else (inner.free or named) & named)
    if node.without:
        fixed = {name: value for name, value in inner.fixed.items() if name not in named}
        free = None if inner.free is None else inner.free - named
    else:
        fixed = {name: value for name, value in inner.fixed.items() if name in named}
        free = None if inner.free is None else inner.free & named
    if node.operator == "count_values" and free is not None:
        free |= {text_of(node.param) or ""} if node.param else frozenset()
    names = inner.names if "__name__" in node.grouping and not node.without else ()
    return Identity(free, fixed, names)


def _call(node: Call, inner: Sequence[Identity]) -> Identity:
    name = node.function.name
    if name in NO_LABELS:
        return NOTHING_DIFFERS
    main = main_argument(node, inner, NOTHING_DIFFERS)
    if name in ("absent", "absent_over_time"):
        return Identity(frozenset(), main.fixed)
    if name == "label_replace":
        return _label_replace(node, main)
    if name == "label_join":
        target, _, *sources = (text_of(argument) for argument in node.args[1:])
        return _with_copy(main, target, sources) if sources else _with_constant(node, main, "")
    if name in _KEEP_NAMES:
        return main
    if name == "histogram_quantile" and main.free is not None:
        main = main._replace(free=main.free - {"le"})
    return _without_names(main)


def _label_replace(node: Call, main: Identity) -> Identity:
    _, value, source, pattern = (text_of(argument) for argument in node.args[1:])
    if value is None or source is None or pattern is None:
        return UNKNOWN
    matches_all = pattern in _ANYTHING or source == pattern == ""
    # A target's own labels are never empty.
    matches_all |= pattern in _SOMETHING and source in (TARGET | {"job"}) & (
        main.free or frozenset()
    )
    if _has_group(value, pattern) or not matches_all:
        return _with_copy(main, text_of(node.args[1]), [source])
    return _with_constant(node, main, _REFERENCE.sub("", value))


def _has_group(value: str, pattern: str) -> bool:
    """Whether a value refers to a part of what the pattern matches."""
    if not _REFERENCE.search(value):
        return "$" in value
    try:
        compiled = compile_regex(pattern, Use.RELABELLING)
    except RegexError:
        return True
    groups = {*map(str, range(compiled.groups + 1)), *compiled.groupindex}
    return any((match[1] or match[2]) in groups for match in _REFERENCE.finditer(value))


def _with_constant(node: Call, main: Identity, value: str) -> Identity:
    """The identity with one value of the call's target label for all series."""
    target = text_of(node.args[1])
    if main.free is None or target is None:
        return UNKNOWN
    lost = override(main, [target])
    reason = f"{node.function.name} gives every series the same {target}, and nothing else differs"
    return Identity(
        main.free - {target},
        {**main.fixed, target: value},
        collision=f"{reason}. Keep {' or '.join(sorted(lost))}" if lost else "",
    )


def _with_copy(main: Identity, target: str | None, sources: Iterable[str | None]) -> Identity:
    """The identity with a label that holds what other labels hold."""
    # The copy distinguishes targets too, whatever becomes of the label that it was made from.
    if main.free is None or target is None or TARGET.intersection(sources):
        return UNKNOWN
    return Identity(main.free | {target}, main.fixed)


def _binary(node: Binary, left: Identity, right: Identity) -> Identity:
    is_filter = node.operator in COMPARISONS and not node.returns_bool
    if node.lhs.value_type == "scalar" or node.rhs.value_type == "scalar":
        main = right if node.lhs.value_type == "scalar" else left
        return main if is_filter else _without_names(main)
    if node.operator in ("and", "unless"):
        return left
    if node.operator == "or":
        return _union(left, right)
    matching = node.matching
    if matching is None:
        return Identity(left.free, left.fixed)
    if matching.cardinality != "one-to-one":
        main = left if matching.cardinality == "many-to-one" else right
        free = None if main.free is None else main.free | set(matching.include)
        return Identity(free, main.fixed)
    named = set(matching.labels)
    kept = [name for name in left.fixed if (name in named) == matching.on]
    free = left.free
    if free is not None:
        free = free & named if matching.on else free - named
    return Identity(free, {name: left.fixed[name] for name in kept})


def _union(left: Identity, right: Identity) -> Identity:
    if left.free is None or right.free is None:
        return Identity(None, names=left.names or right.names)
    differ = {
        name
        for name in {*left.fixed, *right.fixed}
        if left.fixed.get(name, "") != right.fixed.get(name, "")
    }
    fixed = {name: value for name, value in left.fixed.items() if name not in differ}
    return Identity(left.free | right.free | differ, fixed, left.names or right.names)
