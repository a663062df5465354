"""Numbers and times as the report shows them."""

import math
from datetime import UTC, datetime

NOTHING = "\N{EN DASH}"
"""What stands where there is no number."""
SPACE = "\N{NO-BREAK SPACE}"


def number(value: float | None) -> str:
    """Four digits that count: 0.8625, 118.7, 12 345; NaN and ∞ as they are."""
    if value is None:
        return NOTHING
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if (value == int(value) and abs(value) < 1e15) or abs(value) >= 1000:
        return f"{round(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.4g}"


def with_unit(value: float | None, unit: str) -> str:
    """The number with its unit, where the unit is one that is written behind numbers."""
    sign = {"milliseconds": "ms", "seconds": "s", "bytes": "B"}.get(unit)
    return number(value) if value is None or sign is None else f"{number(value)}{SPACE}{sign}"


def percent(value: float | None) -> str:
    """A share of 1 in percent."""
    return NOTHING if value is None else f"{number(100 * value)}{SPACE}%"


def points(value: float) -> str:
    """A score with one decimal; with two where it has two."""
    return f"{value:.2f}".removesuffix("0")


def when(moment: datetime | None) -> str:
    """A time in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else NOTHING


def span(seconds: float) -> str:
    """A length of time: 40 s, 12 min, 3 h 05 min, 2 d 4 h."""
    total = max(0, round(seconds))
    if total < 60:
        return f"{total} s"
    minutes = total // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
