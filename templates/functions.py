"""What Prometheus' and Alertmanager's functions do with arguments that are known."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from promql.regex import RegexError, Use, compile_regex
from templates.literals import read_float
from templates.values import ADDRESS, BOOL, TEXT, Check, Run, Value, WrongCallError

_NUMBERS = frozenset(("float64", "string", "int", "uint", "int64", "uint64", "time.Duration"))
_WORD = re.compile("[A-Za-z]*")
_LATEST_SECONDS = 2**63 / 1e9


def _match(arguments: Sequence[Value], _run: Run) -> Value:
    pattern, text = arguments
    compiled = _compiled(pattern)
    if compiled is None or not isinstance(text.known, str):
        return Value(BOOL)
    return Value(BOOL, compiled.search(text.known) is not None)


def _replace(arguments: Sequence[Value], _run: Run) -> Value:
    _compiled(arguments[0])
    return Value(TEXT)


def _compiled(pattern: Value) -> Any:
    if not isinstance(pattern.known, str):
        return None
    try:
        return compile_regex(pattern.known, Use.SEARCH)
    except RegexError as error:
        reason, _, advice = str(error).rpartition(". ")
        raise WrongCallError(f"has a wrong pattern: {reason}", advice) from None


def known_word(change: Callable[[str], str]) -> Check:
    """The check of a function that changes text, of which only simple words are known."""

    def check(arguments: Sequence[Value], _run: Run) -> Value:
        known = arguments[0].known
        if isinstance(known, str) and _WORD.fullmatch(known):
            return Value(TEXT, change(known))
        return Value(TEXT)

    return check


def _number(arguments: Sequence[Value], _run: Run) -> None:
    known_number(arguments[0])


def known_number(value: Value) -> float | None:
    """The number that the functions which humanize see, if known; refuses what is none."""
    if value.type is ADDRESS or value.type.name not in _NUMBERS:
        raise WrongCallError(f"takes {value.type.says} for a number", "Give it a number.")
    if not isinstance(value.known, str):
        return value.known if isinstance(value.known, int | float) else None
    try:
        return read_float(value.known)
    except ValueError:
        reason = f"takes the text `{value.known}` for a number"
        raise WrongCallError(reason, "Give it a number.") from None


def check_moment(value: Value, *, may_be_endless: bool) -> None:
    """Refuse a known number of seconds since 1970 that Go can't hold."""
    number = known_number(value)
    if number is None or (may_be_endless and not math.isfinite(number)):
        return
    if not abs(number) < _LATEST_SECONDS:
        raise WrongCallError(f"takes {number} for a time", "Give it seconds since 1970.")


def _timestamp(arguments: Sequence[Value], _run: Run) -> None:
    check_moment(arguments[0], may_be_endless=True)


CHECKS: dict[str, Check] = {
    "match": _match,
    "reReplaceAll": _replace,
    "toUpper": known_word(str.upper),
    "toLower": known_word(str.lower),
    "trimSpace": known_word(str),
    "humanize": _number,
    "humanize1024": _number,
    "humanizeDuration": _number,
    "humanizePercentage": _number,
    "humanizeTimestamp": _timestamp,
    "toDuration": _number,
}
"""Function -> its check, of those that do the same in both languages."""
