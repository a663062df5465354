"""Formats numbers, units and times for the report and the pictures of dashboards."""

import math
from datetime import UTC, datetime

NOTHING = "\N{EN DASH}"
"""The text that replaces a missing number."""
SPACE = "\N{NO-BREAK SPACE}"

_TIMES = (
    (1e-6, "ns", 1e-9),
    (1e-3, "µs", 1e-6),
    (1, "ms", 1e-3),
    (60, "s", 1),
    (3600, "mins", 60),
    (86400, "hours", 3600),
    (math.inf, "days", 86400),
)
"""Grafana's units of time: (upper bound, unit, length), in seconds."""
_SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_BYTES = {
    "bytes": (1024, _BINARY, ""),
    "decbytes": (1000, _DECIMAL, ""),
    "binBps": (1024, _BINARY, "/s"),
    "Bps": (1000, _DECIMAL, "/s"),
}
_SUFFIXES = {"reqps": "req/s", "rps": "reads/s", "wps": "writes/s", "ops": "ops/s", "cps": "c/s"}
_SUFFIXES |= {"cpm": "c/m", "opm": "ops/m", "rpm": "reads/m", "wpm": "writes/m"}


def number(value: float | None) -> str:
    """Format with four significant digits: 0.8625, 118.7, 12 345. NaN and ∞ stay."""
    if value is None:
        return NOTHING
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) < 1e15 and (value == int(value) or abs(value) >= 1000):
        return f"{round(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.4g}"


def percent(value: float | None) -> str:
    """Format a ratio as a percentage."""
    return NOTHING if value is None else f"{number(100 * value)}{SPACE}%"


def points(value: float) -> str:
    """Format a score with one decimal, or two if needed."""
    return f"{value:.2f}".removesuffix("0")


def when(moment: datetime | None) -> str:
    """Format a time in UTC, to the minute; at the calendar's ends, in its own zone."""
    if moment is None:
        return NOTHING
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        return moment.isoformat(sep=" ", timespec="minutes")


def span(seconds: float) -> str:
    """Format a duration in seconds: 0.5 s, 40 s, 12 min, 3 h 05 min, 2 d 4 h. NaN and ∞ stay."""
    if not math.isfinite(seconds):
        return number(seconds)
    if 0 < seconds < 10:
        return f"{number(float(f'{seconds:.2g}'))} s"
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
    return f"{number(days)} d {hours} h" if hours else f"{number(days)} d"


def grafana_value(value: float, unit: str, decimals: int | None = None) -> str:
    """Format a value as Grafana does; `unit` is Grafana's id of a unit.

    Without `decimals`, it has four significant digits, or three for times and bytes.
    """
    if not math.isfinite(value):
        return number(value)
    match unit:
        case "none" | "short" | "":
            return _digits(value, decimals)
        case "percentunit":
            return f"{_digits(100 * value, decimals)}%"
        case "percent":
            return f"{_digits(value, decimals)}%"
        case _ if unit in _SECONDS:
            return _time(value * _SECONDS[unit], decimals)
        case _ if unit in _BYTES:
            base, names, per = _BYTES[unit]
            return _bytes(value, base, names, decimals) + per
        case _:
            # Like Grafana, append an unknown unit's id unchanged.
            return f"{_digits(value, decimals)} {_SUFFIXES.get(unit, unit)}"


def _digits(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return number(float(f"{value:.4g}") if abs(value) < 1000 else value)


def _time(seconds: float, decimals: int | None) -> str:
    if seconds == 0:
        return f"{_digits(0, decimals)} s"
    name, size = next((name, size) for below, name, size in _TIMES if abs(seconds) < below)
    return f"{_digits(float(f'{seconds / size:.3g}'), decimals)} {name}"


def _bytes(value: float, base: int, names: tuple[str, ...], decimals: int | None) -> str:
    power = min(int(math.log(abs(value), base)), len(names) - 1) if abs(value) >= 1 else 0
    return f"{_digits(float(f'{value / base**power:.3g}'), decimals)} {names[power]}"
