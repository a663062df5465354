"""Reads and writes the quantities of Kubernetes, as its resource.ParseQuantity takes them."""

import math
import re
from fractions import Fraction

_UNITS = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY = {f"{unit}i": Fraction(1024) ** power for power, unit in enumerate("KMGTPE", 1)}
_FACTORS = {unit: Fraction(1000) ** power for power, unit in enumerate(_UNITS, -3)} | _BINARY
_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?:(?P<unit>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]+))?"
)
_ADVICE = "Write one such as 500m, 2 or 256Mi."
_LARGEST = 2**63 - 1
"""Kubernetes counts in 64 bits, and takes this many for more with a binary unit."""


def exact(quantity: str) -> Fraction:
    """The bytes or cores of a quantity such as 50Gi, 500m or 1e3; ValueError if it is none.

    Kubernetes rounds up to a billionth, and leaves blanks at both ends out. A quantity of more
    than 63 bits is a ValueError too: the kubelet reads another number.
    """
    match = _QUANTITY.fullmatch(quantity.strip(" "))
    if match is None:
        raise ValueError(f"`{quantity}` is not a quantity. {_ADVICE}")
    whole, part, unit = match["whole"], match["part"] or "", match["unit"] or ""
    if not whole + part:
        raise ValueError(f"`{quantity}` has no number. {_ADVICE}")
    # Beyond these exponents, a size is too large, or rounded up to a billionth.
    exponent = max(-999, min(int(match["exponent"] or 0), 999))
    factor = Fraction(10) ** exponent * _FACTORS[unit]
    size = Fraction(int(whole + part), 10 ** len(part)) * factor
    size = Fraction(math.ceil(size * 10**9), 10**9)
    if unit in _BINARY:
        size = min(size, Fraction(_LARGEST))
    if size > _LARGEST:
        raise ValueError(f"`{quantity}` is too large to count. {_ADVICE}")
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
