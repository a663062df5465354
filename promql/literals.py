"""Numbers, durations and strings as PromQL writes them."""

import math
import re

from promql.durations import parse_duration

_DIGITS = "[0-9]++(?:_[0-9]++)*+"
_HEX = "[0-9a-fA-F]"
# Prometheus takes an e after the first digit of a hexadecimal number for an exponent.
NUMBER = (
    rf"(?:0[xX]_?{_HEX}(?:[eE](?![._eE+-]|\Z))?(?:_?[0-9a-dfA-DF]{_HEX}*+)*+"
    rf"|(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?)(?![0-9A-Za-z_])"
)
"""The pattern of a number."""
DURATION = "(?:[0-9]++(?:ms|[smhdwy]))++(?![0-9A-Za-z_])"
"""The pattern of a duration; `parse_duration` judges the order of its units."""
STRING = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"' r"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'" r"|`[^`]*+`"
"""The pattern of a string with its quotes; `unquote` judges what is between them."""
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"'])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))",
    re.DOTALL,
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NO_TEXT = re.compile("[\ufffd\ud800-\udfff]")
_LARGEST = 2**63 - 1


def parse_number(text: str) -> float:
    """The value of a number: `1_000`, `0x1F`, `017`, which is octal, `1e3`, `Inf`.

    Raises ValueError if it is too large.
    """
    digits = text.replace("_", "")
    if digits[0] == "0" and digits[1:2] in ("x", "X"):
        value = int(digits, 16)
        if value > _LARGEST:
            raise ValueError(f"the number {text} is too large. Write it as 1e20.")
        return float(value)
    if digits[0] == "0" and re.fullmatch("[0-7]+", digits):
        value = int(digits, 8)
        if value <= _LARGEST:
            return float(value)
    value = float(digits)
    if math.isinf(value) and digits[-1].isdigit():
        raise ValueError(f"the number {text} is too large. Write Inf.")
    return value


def seconds_of(duration: str) -> float:
    """The seconds of a duration such as 5m; raises ValueError if it is none."""
    seconds, milliseconds = divmod(parse_duration(duration), 1000)
    return seconds + milliseconds / 1000


def unquote(quoted: str) -> str:
    r"""The string between its quotes; raises ValueError if Prometheus can't read it.

    Bytes that are no text in UTF-8, which escapes such as \xff write, become surrogates.
    """
    quote, inner = quoted[0], quoted[1:-1]
    if wrong := _NO_TEXT.search(inner):
        raise ValueError(f"a string holds the character {wrong[0]!a}. Remove it.")
    if quote == "`" or "\\" not in inner:
        return inner
    try:
        text = unescape(inner, quote)
    except ValueError as error:
        raise ValueError(
            f"a string holds {error}, which is no escape sequence. Write \\\\ for a backslash,"
            " or put the string into backquotes."
        ) from None
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def unescape(text: str, quote: str) -> str:
    """The text with its escapes of Go replaced, each byte above 127 by a surrogate.

    Raises ValueError with an escape that is none between these quotes.
    """
    return _ESCAPE.sub(lambda match: _unescape(match, quote), text)


def _unescape(match: re.Match[str], quote: str) -> str:
    simple, octal, byte, short, long, _ = match.groups()
    if simple and simple not in "\"'":
        return _SIMPLE.get(simple, simple)
    if simple == quote:
        return simple
    if octal or byte:
        code = int(octal, 8) if octal else int(byte, 16)
        if code < 0x80:
            return chr(code)
        if code <= 0xFF:
            return chr(0xDC00 + code)  # A byte that `encode` puts back.
    elif short or long:
        code = int(short or long, 16)
        if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code)
    raise ValueError(match[0])
