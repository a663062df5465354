"""The functions that Go gives every template (text/template/funcs.go)."""

import operator
from collections.abc import Callable, Sequence

from templates.calls import item_of
from templates.formats import format_text
from templates.values import (
    ANY,
    BOOL,
    BYTE,
    INT,
    LABELS,
    NOTHING,
    TEXT,
    VALUE,
    Check,
    Run,
    Type,
    Value,
    WrongCallError,
    length,
    pointed,
    signatures,
    truth,
)

_BASIC = frozenset(("bool", "int", "uint", "float", "complex", "string"))
_HAS_ELEMENTS = "Give it text, a list or a map."
_WHOLE = frozenset(("int", "uint"))
_ORDERED = {"lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}


def check_index(length_: tuple[int, int | None], at: object, run: Run) -> None:
    """Refuse a known position, or end of a slice, that is or may be behind the end of a list.

    A list of alerts has at least one, and may have no more: what asks for more must ask before how
    many there are. Nothing is known of the other lists' lengths, so all positions are accepted, as
    they are wherever a question about a length decides what is executed.
    """
    low, high = length_
    if not isinstance(at, int):
        return
    if at < 0:
        raise WrongCallError(f"takes the position {at}", "Count from 0.")
    if high is not None and at >= high and not run.guards:
        raise WrongCallError(f"takes the position {at}, behind the end", "Count from 0.")
    if 0 < low <= at and not run.guards:
        advice = f"Ask first whether there are more: {{{{ if gt (len ...) {at} }}}}."
        raise WrongCallError(f"takes the position {at} of a list that may be shorter", advice)


def _size(value: Value) -> tuple[int, int | None] | None:
    """The (shortest, longest) length of text, a list or a map; None of anything else."""
    kind, known = value.type.kind, value.known
    if kind == "list":
        return length(value)
    if kind == "string":
        return (len(known.encode()), len(known.encode())) if isinstance(known, str) else (0, None)
    if kind == "map":
        return (len(known), len(known)) if isinstance(known, tuple) else (0, None)
    return None


def _len(arguments: Sequence[Value], run: Run) -> Value:
    value = pointed(arguments[0])
    size = _size(value)
    if size is None:
        raise WrongCallError(f"asks for the length of {value.type.says}", _HAS_ELEMENTS)
    if size[0] == size[1]:
        return Value(INT, size[0])
    run.sizes += 1
    return Value(INT)


def _position(value: Value) -> object:
    if value.type.kind not in _WHOLE:
        raise WrongCallError(f"takes {value.type.says} for a position", "Give a whole number.")
    return value.known


def _index(arguments: Sequence[Value], run: Run) -> Value:
    item, *keys = arguments
    if item.type.kind in ("nothing", "nil"):
        raise WrongCallError("takes an element of nothing", "Give it a list or a map.")
    for key in keys:
        item = _element(pointed(item), key, run)
    return item


def _element(item: Value, key: Value, run: Run) -> Value:
    kind, size = item.type.kind, _size(item)
    if size is None:
        raise WrongCallError(f"takes an element of {item.type.says}", _HAS_ELEMENTS)
    if kind != "map":
        check_index(size, _position(key), run)
        return Value(BYTE) if kind == "string" else item.type.element or NOTHING
    if key.type.name != TEXT.name:
        raise WrongCallError(f"takes {key.type.says} for a name", "Give it text.")
    if item.type is LABELS and isinstance(key.known, str):
        run.uses.labels.add(key.known)
    return item.type.element or item_of(item, key.known)


def _slice(arguments: Sequence[Value], run: Run) -> Value:
    item, *ends = arguments
    item = pointed(item)
    size = _size(item)
    if size is None or item.type.kind == "map":
        raise WrongCallError(f"takes a slice of {item.type.says}", "Give it text or a list.")
    if len(ends) > (2 if item.type.kind == "string" else 3):
        raise WrongCallError("takes a slice with too many ends", "Give it two.")
    known = [_position(end) for end in ends]
    low, high = size
    for end in known:
        # An end may be the length itself.
        check_index((low + 1 if low else 0, None if high is None else high + 1), end, run)
    numbers = [end for end in known if isinstance(end, int)]
    if len(numbers) == len(known) and numbers != sorted(numbers):
        raise WrongCallError(
            "takes a slice that ends before it begins", "Give the smaller end first."
        )
    if item.type.kind == "string":
        return Value(TEXT)
    if len(numbers) > 1 and len(numbers) == len(known):
        return Value(item.type, (numbers[1] - numbers[0],) * 2)
    return Value(item.type, (0, high)) if known else item


def _is_empty(value: Value) -> bool:
    return value.type.kind in ("nothing", "nil")


def _incomparable(one: Value, other: Value) -> WrongCallError:
    advice = "Compare values of one type."
    kinds = {one.type.kind: one, other.type.kind: other}
    if kinds.keys() == {"int", "float"} and kinds["int"].known is not None:
        advice = f"Write {kinds['int'].known}.0."
    return WrongCallError(f"compares {one.type.says} with {other.type.says}", advice)


def _ask(values: Sequence[Value], run: Run) -> None:
    run.sizes += any(one.type.kind in _WHOLE and one.known is None for one in values)


def _eq(arguments: Sequence[Value], run: Run) -> Value:
    one, *others = arguments
    if not others:
        raise WrongCallError("compares one value with none", "Give it another.")
    _ask(arguments, run)
    result: bool | None = False
    for other in others:
        try:
            equal = _equal(one, other)
        except WrongCallError as error:
            error.in_some_cases |= result is None
            raise
        if equal:
            return Value(BOOL, True)
        result = result if equal is False else None
    return Value(BOOL, result)


def _ne(arguments: Sequence[Value], run: Run) -> Value:
    equal = _eq(arguments, run).known
    return Value(BOOL, None if equal is None else not equal)


def _equal(one: Value, other: Value) -> bool | None:
    kinds = one.type.kind, other.type.kind
    if (kinds[0] == kinds[1] and kinds[0] in _BASIC) or set(kinds) <= _WHOLE:
        return None if one.known is None or other.known is None else one.known == other.known
    if _is_empty(one) or _is_empty(other):
        # Nothing equals a nil list too, which none of ours is.
        return _is_empty(one) and _is_empty(other)
    is_comparable = kinds[0] in ("struct", "pointer") and other.type.comparable
    if kinds[0] != kinds[1] or not is_comparable:
        raise _incomparable(one, other)
    return None


def _ordering(compare: Callable[..., bool]) -> Check:
    def check(arguments: Sequence[Value], run: Run) -> Value:
        one, other = arguments
        kinds = one.type.kind, other.type.kind
        for value in arguments:
            if value.type.kind not in _BASIC - {"bool", "complex"}:
                raise WrongCallError(
                    f"compares {value.type.says}, which has no order", "Compare numbers or text."
                )
        if kinds[0] != kinds[1] and not set(kinds) <= _WHOLE:
            raise _incomparable(one, other)
        _ask(arguments, run)
        if one.known is None or other.known is None:
            return Value(BOOL)
        return Value(BOOL, compare(one.known, other.known))

    return check


def _not(arguments: Sequence[Value], _run: Run) -> Value:
    known = truth(arguments[0])
    return Value(BOOL, None if known is None else not known)


_TYPES: dict[str, Type] = {"any": ANY, "value": VALUE, "string": TEXT, "bool": BOOL, "int": INT}
BUILTINS = signatures(
    """
    and(value, ...value) value
    or(value, ...value) value
    not(value) bool
    len(value) int
    index(value, ...value) value
    slice(value, ...value) value
    eq(value, ...value) bool
    ne(value, value) bool
    lt(value, value) bool
    le(value, value) bool
    gt(value, value) bool
    ge(value, value) bool
    print(...any) string
    println(...any) string
    printf(string, ...any) string
    html(...any) string
    js(...any) string
    urlquery(...any) string
    call(value, ...value) !there is no function in its data
    """,
    _TYPES,
    {
        "not": _not,
        "len": _len,
        "index": _index,
        "slice": _slice,
        "eq": _eq,
        "ne": _ne,
        "printf": format_text,
        **{name: _ordering(compare) for name, compare in _ORDERED.items()},
    },
)
AND, OR = BUILTINS["and"], BUILTINS["or"]
