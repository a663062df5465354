"""Reads and writes the quantities of Kubernetes, as its resource.ParseQuantity takes them."""

import math
import re
from fractions import Fraction

_UNITS = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY = {f"{unit}i": Fraction(1024) ** power for power, unit in enumerate("KMGTPE", 1)}
_FACTORS = {unit: Fraction(1000) ** power for power, unit in enumerate(_UNITS, -3)} | _BINARY
_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?:(?P<unit>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)
_LARGEST = 2**63 - 1
"""Kubernetes takes this many for any larger number with a binary unit."""


def exact(quantity: str) -> Fraction:
    """The bytes or cores of a quantity such as 50Gi, 500m or 1e3; ValueError if it is none.

    Kubernetes rounds up to a billionth, and leaves blanks at both ends out.
    """
    match = _QUANTITY.fullmatch(quantity.strip(" "))
    if match is None:
        raise ValueError(f"`{quantity}` is not a quantity. Write one such as 500m, 2 or 256Mi.")
    whole, part, unit = match["whole"], match["part"] or "", match["unit"] or ""
    if not whole + part:
        raise ValueError(f"`{quantity}` has no number. Write one such as 500m, 2 or 256Mi.")
    factor = Fraction(10) ** int(match["exponent"]) if match["exponent"] else _FACTORS[unit]
    size = Fraction(int(whole + part), 10 ** len(part)) * factor
    size = Fraction(math.ceil(size * 10**9), 10**9)
    if unit in _BINARY:
        size = min(size, Fraction(_LARGEST))
    return -size if match["sign"] == "-" else size


def amount(quantity: str) -> float:
    """The same as a float."""
    return float(exact(quantity))


def shown_cores(cores: Fraction) -> str:
    """The quantity that is so many cores, rounded up to a thousandth: 2 or 1250m."""
    thousandths = math.ceil(cores * 1000)
    return f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)


def shown_mebibytes(size: Fraction) -> str:
    """The quantity that is so many bytes, rounded up to a mebibyte: 512Mi or 3Gi."""
    mebibytes = math.ceil(size / 2**20)
    return f"{mebibytes}Mi" if mebibytes % 1024 else f"{mebibytes // 1024}Gi"
