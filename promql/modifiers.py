"""What can follow a selector or an expression: a range, a subquery, an offset, a time."""

import math
import re

from promql.checks import SHOWN_TYPES
from promql.errors import PromqlError
from promql.lexer import SKIPPED, WORD, Lexer
from promql.literals import DURATION, NUMBER, parse_number, seconds_of
from promql.tree import MatrixSelector, Node, Subquery, VectorSelector

_SIGNS = rf"((?:[+-]{SKIPPED})*+)"
_TIME = rf"(?:({NUMBER})|({DURATION}))"
_TIME_OR_WORD = rf"(?:({NUMBER}|(?i:inf|nan)(?![A-Za-z0-9_:]))|({DURATION}))"
_RANGE = re.compile(
    rf"[ \t\n\r]*+((?:[+-][ \t\n\r]*+)*+){_TIME}{SKIPPED}"
    rf"(?:(:){SKIPPED}(?:{_SIGNS}{_TIME}{SKIPPED})?+)?+\]"
).match
_PART_OF_RANGE = re.compile(
    rf"[ \t\n\r]*+(?:[+-][ \t\n\r]*+)*+(?:{_TIME}{SKIPPED}(?::{SKIPPED}{_SIGNS}(?:{_TIME})?+)?+)?+"
).match
_OFFSET = re.compile(rf"{SKIPPED}{_SIGNS}{_TIME_OR_WORD}").match
_OFFSET_IN_PARENTHESES = re.compile(
    rf"{SKIPPED}([+-]){SKIPPED}\({SKIPPED}{_SIGNS}{_TIME_OR_WORD}{SKIPPED}\)"
).match
_AT = re.compile(
    rf"{SKIPPED}(?:([+-]?+){SKIPPED}{_TIME_OR_WORD}|((?i:start|end)){SKIPPED}\({SKIPPED}\))"
).match
_CALCULATES = re.compile(rf"{SKIPPED}(?:[-+*/%^(]|(?i:step|range|max_of|min_of)\b)").match
_COMMENT_OR_SPACE = re.compile(r"#[^\n\r]*|\s")
_ARITHMETIC = frozenset("+-*/%^")
_LARGEST = 2**63
_SECOND = 10**9
"""Nanoseconds: Prometheus counts durations in 64 bits of them."""


def read_modifiers(lexer: Lexer, node: Node, start: int) -> Node:
    """The node with all modifiers that follow it."""
    is_shifted = False
    while True:
        value = lexer.value
        if value == "[":
            node = _read_range(lexer, node, is_shifted)
            is_shifted = False
        elif value == "@":
            _read_at(lexer, node)
        elif lexer.kind != WORD:
            return node
        elif (keyword := value.lower()) == "offset":
            is_shifted = _read_offset(lexer, node, is_shifted)
        elif keyword in ("anchored", "smoothed"):
            reason = f"this server does not enable `{value}`. Remove it."
            raise lexer.error(reason)
        else:
            return node
        node.span = (start, lexer.before)


def _read_range(lexer: Lexer, node: Node, is_shifted: bool) -> Node:
    opening = lexer.start
    match = _RANGE(lexer.text, lexer.end)
    if not match:
        part = _PART_OF_RANGE(lexer.text, lexer.end)
        advice = "Write a range such as [5m], or [1h:5m] for a subquery."
        raise _wrong_time(lexer, part.end() if part else lexer.end, advice)
    signs, number, duration, colon, step_signs, step_number, step_duration = match.groups()
    length = _positive(lexer, signs, number, duration, opening)
    step = None
    if step_number or step_duration:
        step = _positive(lexer, step_signs, step_number, step_duration, opening)
    lexer.go_to(match.end())
    span = node.span
    if colon:
        if node.value_type != "vector":
            reason = f"a subquery needs an instant vector, not {SHOWN_TYPES[node.value_type]}."
            raise lexer.error(f"{reason} Write it after a selector or a function.", opening)
        return Subquery(node, length, step, 0, None, span)
    if not isinstance(node, VectorSelector):
        reason = "a range can only follow a selector. Write [5m:] to repeat any other expression."
        raise lexer.error(reason, opening)
    if is_shifted or isinstance(node.at, float):
        modifier = "`offset`" if is_shifted else "`@`"
        raise lexer.error(f"{modifier} stands before the range. Write it after the range.", opening)
    return MatrixSelector(node, length, span)


def _read_offset(lexer: Lexer, node: Node, is_shifted: bool) -> bool:
    """Read `offset`; whether the node is shifted by anything but 0."""
    keyword, after = lexer.start, lexer.end
    target = _target(lexer, node, "an offset", keyword)
    match = _OFFSET(lexer.text, after)
    signs = ""
    if match:
        signs, number, duration = match.groups()
    elif match := _OFFSET_IN_PARENTHESES(lexer.text, after):
        sign, inner, number, duration = match.groups()
        signs = sign + inner
    else:
        raise _wrong_time(lexer, after, "Write a duration such as 5m.")
    lexer.go_to(match.end())
    seconds = _seconds(lexer, signs, number, duration, keyword)
    # After two signs Prometheus goes on to read a calculation, after one it does not.
    if len(_only_signs(signs)) > 1 and match[0][-1] != ")" and lexer.value in _ARITHMETIC:
        raise _wrong_time(lexer, lexer.start, "Write one sign.")
    if is_shifted:
        raise lexer.error("there are two offsets. Remove one.", keyword)
    nanoseconds = _nanoseconds(seconds)
    target.offset = _milliseconds(nanoseconds)
    return nanoseconds != 0


def _read_at(lexer: Lexer, node: Node) -> None:
    keyword = lexer.start
    target = _target(lexer, node, "a time", keyword)
    match = _AT(lexer.text, lexer.end)
    if not match:
        advice = "Write a time in seconds since 1970, start() or end()."
        raise lexer.unreadable(lexer.end, advice)
    sign, number, duration, word = match.groups()
    lexer.go_to(match.end())
    if target.at is not None:
        raise lexer.error("there are two times. Remove one.", keyword)
    if word:
        target.at = "start" if word.lower() == "start" else "end"
        return
    seconds = _number_or_duration(lexer, number, duration, keyword)
    if not abs(seconds) < _LARGEST:
        raise lexer.error("the time after @ is impossible. Write seconds since 1970.", keyword)
    target.at = -seconds if sign == "-" else seconds


def _target(lexer: Lexer, node: Node, what: str, at: int) -> VectorSelector | Subquery:
    """The node that a modifier changes."""
    match node:
        case MatrixSelector():
            return node.selector
        case VectorSelector() | Subquery():
            return node
    reason = f"{what} can only follow a selector, a range or a subquery."
    raise lexer.error(f"{reason} Write it after the selectors within the expression.", at)


def _positive(lexer: Lexer, signs: str, number: str, duration: str, at: int) -> int:
    """The milliseconds of a range or step."""
    seconds = _seconds(lexer, signs, number, duration, at)
    if seconds <= 0:
        raise lexer.error("a range or step is 0 or less. Write a duration such as 5m.", at)
    return _milliseconds(_nanoseconds(seconds))


def _seconds(lexer: Lexer, signs: str, number: str, duration: str, at: int) -> float:
    """The seconds of a duration with its signs."""
    seconds = _number_or_duration(lexer, number, duration, at)
    if abs(seconds) > _LARGEST / _SECOND:
        reason = "a duration is longer than Prometheus can count. Write a shorter one."
        raise lexer.error(reason, at)
    return -seconds if signs and _only_signs(signs).count("-") % 2 else seconds


def _only_signs(signs: str) -> str:
    """The signs without the comments and spaces between them."""
    return _COMMENT_OR_SPACE.sub("", signs)


def _number_or_duration(lexer: Lexer, number: str, duration: str, at: int) -> float:
    try:
        return parse_number(number) if number else seconds_of(duration)
    except ValueError as error:
        raise lexer.error(str(error), at) from None


def _nanoseconds(seconds: float) -> int:
    """Nanoseconds, of which Prometheus makes the least 64-bit number if there are too many."""
    exact = seconds * _SECOND
    if not abs(exact) < _LARGEST:
        return -_LARGEST
    return int(exact + math.copysign(0.5, exact))


def _milliseconds(nanoseconds: int) -> int:
    """Whole milliseconds, without the rest."""
    return nanoseconds // 1_000_000 if nanoseconds >= 0 else -(-nanoseconds // 1_000_000)


def _wrong_time(lexer: Lexer, at: int, advice: str) -> PromqlError:
    """An error about a text that is no duration."""
    if _CALCULATES(lexer.text, at):
        advice = "This server does not enable calculations with durations. Write the result."
    return lexer.unreadable(at, advice)
