"""Intervals of numbers: what arithmetic, comparisons and functions make of them."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

_INFINITY = math.inf


class Bounds(NamedTuple):
    """All numbers from `low` to `high`, and NaN if `has_nan`; none if `low` is above `high`."""

    low: float = -_INFINITY
    high: float = _INFINITY
    has_nan: bool = True

    def __str__(self) -> str:
        if self.low > self.high:
            return "not a number"
        if self.low == self.high:
            return f"{self.low:g}"
        if self.high == _INFINITY:
            return "any number" if self.low == -_INFINITY else f"at least {self.low:g}"
        return (
            f"at most {self.high:g}" if self.low == -_INFINITY else f"{self.low:g} to {self.high:g}"
        )

    def within(self, other: "Bounds") -> bool:
        """Whether the other bounds hold for each number of these."""
        return other.low <= self.low and self.high <= other.high

    def hull(self, other: "Bounds") -> "Bounds":
        """The smallest bounds that hold both."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Bounds(low, high, self.has_nan or other.has_nan)

    def common(self, other: "Bounds") -> "Bounds":
        """The numbers that are in both."""
        return Bounds(max(self.low, other.low), min(self.high, other.high), has_nan=False)


ANY = Bounds()
NAN = Bounds(_INFINITY, -_INFINITY)
TRUTH = Bounds(0, 1, has_nan=False)
POSITIVE = Bounds(0)
COUNT = Bounds(1, has_nan=False)
"""Of things of which there is at least one."""


def exactly(value: float) -> Bounds:
    """The bounds of a constant."""
    return NAN if math.isnan(value) else Bounds(value, value, has_nan=False)


def compare(operator: str, left: Bounds, right: Bounds) -> tuple[Bounds | None, bool]:
    """What a comparison keeps of the left side, None if nothing, and whether that is everything."""
    match operator:
        case ">":
            low = max(left.low, math.nextafter(right.low, _INFINITY))
            kept = Bounds(low, left.high, has_nan=False)
            is_never, is_always = left.high <= right.low, left.low > right.high
        case ">=":
            kept = Bounds(max(left.low, right.low), left.high, has_nan=False)
            is_never, is_always = left.high < right.low, left.low >= right.high
        case "<":
            high = min(left.high, math.nextafter(right.high, -_INFINITY))
            kept = Bounds(left.low, high, has_nan=False)
            is_never, is_always = left.low >= right.high, left.high < right.low
        case "<=":
            kept = Bounds(left.low, min(left.high, right.high), has_nan=False)
            is_never, is_always = left.low > right.high, left.high <= right.low
        case "==":
            kept = left.common(right)
            is_never = kept.low > kept.high
            is_always = left.low == left.high == right.low == right.high
        case _:
            is_point = left.low == left.high == right.low == right.high
            is_never = is_point and not (left.has_nan or right.has_nan)
            return (None if is_never else left), _are_apart(left, right)
    if is_never or NAN in (left, right):
        return None, False
    return kept, is_always and not (left.has_nan or right.has_nan)


def _are_apart(left: Bounds, right: Bounds) -> bool:
    return NAN in (left, right) or left.low > right.high or right.low > left.high


def calculate(operator: str, left: Bounds, right: Bounds) -> Bounds:
    """The bounds of an arithmetic operation's result."""
    if NAN in (left, right):
        return NAN
    match operator:
        case "+":
            return _from([left.low + right.low], [left.high + right.high])
        case "-":
            return _from([left.low - right.high], [left.high - right.low])
        case "*":
            products = [_product(a, b) for a in left[:2] for b in right[:2]]
            return _from(products, products)
        case "/":
            return _quotient(left, right)
        case "%":
            return Bounds(0, left.high) if left.low >= 0 else ANY
        case "^":
            return POSITIVE if left.low >= 0 else ANY
        case _:  # atan2
            return Bounds(-math.pi, math.pi)


def _from(lows: Sequence[float], highs: Sequence[float]) -> Bounds:
    if any(map(math.isnan, (*lows, *highs))):
        return ANY
    return Bounds(min(lows), max(highs))


def _product(left: float, right: float) -> float:
    return 0.0 if 0 in (left, right) else left * right


def _quotient(left: Bounds, right: Bounds) -> Bounds:
    if right.low > 0 or right.high < 0:
        found = [a / b for a in left[:2] for b in right[:2]]
        if not any(map(math.isnan, found)):
            return _from(found, found)
    # 0 as the divisor gives infinity, whose sign is that of the other side, or NaN.
    return POSITIVE if left.low >= 0 and right.low >= 0 else ANY


def negate(inner: Bounds) -> Bounds:
    """The bounds of the numbers with the other sign."""
    return inner if inner == NAN else Bounds(-inner.high, -inner.low, inner.has_nan)


def add_up(inner: Bounds) -> Bounds:
    """The bounds of the sum of one or more numbers."""
    low = inner.low if inner.low >= 0 else -_INFINITY
    return Bounds(low, inner.high if inner.high <= 0 else _INFINITY)


def _absolute(inner: Bounds) -> Bounds:
    return inner if inner.low >= 0 else Bounds(0, max(-inner.low, inner.high))


def _whole(round_: Callable[[float], float]) -> Callable[[Bounds], Bounds]:
    def rounded(inner: Bounds) -> Bounds:
        low, high = (end if math.isinf(end) else round_(end) for end in inner[:2])
        return Bounds(low, high, inner.has_nan)

    return rounded


_FIXED = {
    "absent absent_over_time present_over_time": exactly(1),
    "acos": Bounds(0, math.pi),
    "asin atan": Bounds(-math.pi / 2, math.pi / 2),
    "changes resets": Bounds(0, has_nan=False),
    "count_over_time": COUNT,
    "cosh": Bounds(1),
    "acosh exp sqrt histogram_count histogram_stddev histogram_stdvar stddev_over_time"
    " stdvar_over_time": POSITIVE,
    "cos sin tanh": Bounds(-1, 1),
    "day_of_month": Bounds(1, 31),
    "day_of_week": Bounds(0, 6),
    "day_of_year": Bounds(1, 366),
    "days_in_month": Bounds(28, 31),
    "histogram_fraction": Bounds(0, 1),
    "hour": Bounds(0, 23),
    "minute": Bounds(0, 59),
    "month": Bounds(1, 12),
    "pi": exactly(math.pi),
    "time": Bounds(0, has_nan=False),
}
FIXED: dict[str, Bounds] = {name: b for names, b in _FIXED.items() for name in names.split()}
"""The bounds of functions whose arguments don't matter."""

_SAME = (
    "avg_over_time label_join label_replace last_over_time max_over_time min_over_time scalar sort"
    " sort_desc vector"
)
DERIVED: dict[str, Callable[[Bounds], Bounds]] = {
    **dict.fromkeys(_SAME.split(), lambda inner: inner),
    **dict.fromkeys(
        ("increase", "irate", "rate"), lambda inner: POSITIVE if inner.low >= 0 else ANY
    ),
    "abs": _absolute,
    "ceil": _whole(math.ceil),
    "floor": _whole(math.floor),
    "sgn": lambda inner: Bounds(0 if inner.low >= 0 else -1, 0 if inner.high <= 0 else 1),
    "sum_over_time": add_up,
}
"""What functions make of the bounds of their vector."""
