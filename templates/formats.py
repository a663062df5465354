"""The verbs of `printf` against its arguments, as Go's fmt prints them."""

import re
from collections.abc import Sequence

from templates.values import TEXT, Run, Value, WrongCallError, alternatives, pointed

_VERB = re.compile(
    r"%[-+# 0]*(?P<width>\*|[0-9]*)(?:\.(?P<precision>\*|[0-9]*))?"
    r"(?:\[(?P<position>[0-9]{1,4})\])?(?P<verb>.?)",
    re.DOTALL,
)
_WIDEST = 1_000_000
_VERBS = {
    "bool": "vt",
    "int": "vdbcoOqxXU",
    "uint": "vdbcoOqxXU",
    "float": "vgbeEfFGxX",
    "complex": "vgbeEfFGxX",
    "string": "vsqxX",
}
"""Kind -> its verbs; the first two are what a message proposes."""
_OF_TEXT = "svqxX"
_OF_ADDRESSES = "pbodxX"


def format_text(arguments: Sequence[Value], _run: Run) -> Value:
    """What `printf` returns; refuses a known format with which Go would print %!d(...)."""
    format_, *given = arguments
    if not isinstance(format_.known, str):
        return Value(TEXT)
    at, counts = 0, True
    for match in _VERB.finditer(format_.known):
        if match["verb"] == "%":
            continue
        for part in ("width", "precision"):
            if match[part] == "*":
                if at >= len(given) or not _is_width(given[at]):
                    reason = f"gives printf no whole number for the * of {match[0]}"
                    raise WrongCallError(reason, "Give it one.")
                at += 1
        if match["verb"] == "[":
            # The position of a width is too rare to follow.
            return Value(TEXT)
        if match["position"]:
            # Go does not count the arguments then.
            at, counts = int(match["position"]) - 1, False
        if not match["verb"]:
            raise WrongCallError("gives printf a format that ends with half a verb", "Write %%.")
        if not 0 <= at < len(given):
            raise WrongCallError(f"gives printf nothing for {match[0]}", "Give it a value, or %%.")
        if not _fits(given[at], match["verb"]):
            raise _wrong_verb(given[at], match[0])
        at += 1
    if counts and at < len(given):
        raise WrongCallError("gives printf more values than its format has verbs", "Add a verb.")
    return Value(TEXT)


def _is_width(value: Value) -> bool:
    known = value.known if isinstance(value.known, int) else 0
    return value.type.kind in ("int", "uint") and abs(known) <= _WIDEST


def _wrong_verb(value: Value, verb: str) -> WrongCallError:
    reason = f"gives printf {value.type.says} for {verb}, for which Go prints %!{verb[-1]}(...)"
    verbs = _VERBS.get(value.type.kind, "v")
    return WrongCallError(reason, f"Write {' or '.join(f'%{one}' for one in verbs[:2])}.")


def _fits(value: Value, verb: str, depth: int = 0) -> bool:
    """Whether Go prints the value with the verb."""
    kind, of = value.type.kind, value.type
    if kind == "one of":
        return all(_fits(one, verb, depth) for one in alternatives(value))
    if verb == "T" and not depth:
        return True
    if kind in ("nothing", "nil"):
        return verb == "v"
    if verb == "p" and not depth:
        return kind in ("pointer", "map", "list")
    if verb in _VERBS.get(kind, "v") or (
        verb in _OF_TEXT and "String" in pointed(value).type.methods
    ):
        return True
    if of.name == "[]uint8" and verb in "sqxX":
        return True
    if kind == "pointer" and not depth and of.element and of.element.type.kind in ("struct", "map"):
        return _fits(of.element, verb, 1)
    if kind == "map" and not of.element:
        items = [item for _, item in value.known] if isinstance(value.known, tuple) else []
        return not items or all(_fits(one, verb, depth + 1) for one in (Value(TEXT), *items))
    if kind in ("list", "map") and of.element:
        # Go prints an empty list with any verb.
        return value.known == (0, 0) or _fits(of.element, verb, depth + 1)
    if kind == "struct" and of.fields:
        return all(_fits(one, verb, depth + 1) for one in of.fields.values())
    # A time holds numbers and an address.
    return (kind == "pointer" or of.name == "time.Time") and verb in _OF_ADDRESSES
