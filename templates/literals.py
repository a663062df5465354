"""Literals of Go: quoted text and numbers, as text/template/parse and strconv read them."""

import re
from dataclasses import dataclass

from promql.literals import unescape

_BYTES = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}
"""A byte that is no part of a character -> the character of that number, which can be printed."""
_DIGITS = r"[0-9](?:_?[0-9])*"
_HEX_DIGITS = r"[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_DECIMAL = rf"(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
_HEX = rf"0[xX](?:_?{_HEX_DIGITS}\.?(?:{_HEX_DIGITS})?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}"
_FLOAT = re.compile(rf"[+-]?(?:{_HEX}|{_DECIMAL})")
_COMPLEX = re.compile(rf"([+-]?(?:{_HEX}|{_DECIMAL}))([+-](?:{_HEX}|{_DECIMAL}))i")
_ENDLESS = re.compile(r"[+-]?(?:inf|infinity)|nan", re.IGNORECASE)
_INTEGER = re.compile(
    r"""[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*
    |[1-9](?:_?[0-9])*)""",
    re.VERBOSE,
)
_FRACTION = frozenset(".eEpP")
_MAX_INT, _MAX_UINT = 2**63 - 1, 2**64 - 1


@dataclass(frozen=True, slots=True)
class Number:
    """A number's value, and the kinds of Go's numbers that can hold it.

    `ideal` is the type that it has where any type will do: "int", "float", "complex", or "" if it
    is too large for an int.
    """

    value: complex
    ideal: str
    is_int: bool
    is_uint: bool
    is_float: bool


def unquote(text: str) -> str:
    """The value of text in quotes or backticks; raises ValueError for an unknown escape."""
    if text[0] == "`":
        return text[1:-1].replace("\r", "")
    value = unescape(text[1:-1], '"') if "\\" in text else text[1:-1]
    joined = value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return joined.translate(_BYTES)


def read_character(text: str) -> Number:
    """The number of a character in single quotes; raises ValueError if it is not exactly one."""
    value = unescape(text[1:-1], "'")
    if len(value) != 1:
        raise ValueError(text)
    return Number(ord(value.translate(_BYTES)), "int", is_int=True, is_uint=True, is_float=True)


def read_number(text: str) -> Number:
    """The number; raises ValueError for one that Go can't read or hold."""
    if match := _COMPLEX.fullmatch(text):
        return _complex(complex(_float(match[1]), _float(match[2])))
    if text.endswith("i"):
        return _complex(complex(0, _float(text[:-1])))
    if _INTEGER.fullmatch(text):
        return _integer(text)
    value = _float(text)
    if not _FRACTION.intersection(text):
        raise ValueError(text)
    # A hexadecimal float must have an exponent, which makes it one.
    return _with_kinds(value, "float")


def read_float(text: str) -> float:
    """The number of a text, as strconv.ParseFloat reads it; raises ValueError if it can't."""
    if _ENDLESS.fullmatch(text):
        return float(text)
    return _float(text)


def _integer(text: str) -> Number:
    digits = text.lstrip("+-").replace("_", "")
    is_octal = digits[0] == "0" and digits[1:].isdigit()
    value = int(digits, 8 if is_octal else 0) * (-1 if text[0] == "-" else 1)
    is_int = -_MAX_INT - 1 <= value <= _MAX_INT
    is_uint = 0 <= value <= _MAX_UINT and (text[0] not in "+-" or value == 0)
    if not is_int and not is_uint:
        raise ValueError(text)
    # Go takes the digit E of a hexadecimal number with a sign for an exponent.
    ideal = "float" if _FRACTION.intersection(text) and text[0] in "+-" else "int"
    ideal = ideal if is_int or ideal == "float" else ""
    return Number(value, ideal, is_int=is_int, is_uint=is_uint, is_float=True)


def _float(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueError(text)
    plain = text.replace("_", "")
    try:
        value = float.fromhex(plain) if "x" in plain.lower() else float(plain)
    except OverflowError:
        raise ValueError(text) from None
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def _complex(value: complex) -> Number:
    if value.imag:
        no = {"is_int": False, "is_uint": False, "is_float": False}
        return Number(value, "complex", **no)
    kinds = _with_kinds(value.real, "complex")
    return Number(value, "complex", kinds.is_int, kinds.is_uint, is_float=True)


def _with_kinds(value: float, ideal: str) -> Number:
    is_whole = value.is_integer()
    is_int = is_whole and -(2.0**63) <= value < 2.0**63
    is_uint = is_whole and 0 <= value < 2.0**64
    return Number(value, ideal, is_int=is_int, is_uint=is_uint, is_float=True)
