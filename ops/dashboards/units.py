"""Values as Grafana shows them, by the id of their unit."""

import math

from ops.report.numbers import number

_TIMES = (
    (1e-6, "ns", 1e-9),
    (1e-3, "µs", 1e-6),
    (1, "ms", 1e-3),
    (60, "s", 1),
    (3600, "mins", 60),
    (86400, "hours", 3600),
    (math.inf, "days", 86400),
)
"""Below how many seconds which unit is used, and how many seconds it is."""
_SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_BYTES = {
    "bytes": (1024, _BINARY, ""),
    "decbytes": (1000, _DECIMAL, ""),
    "binBps": (1024, _BINARY, "/s"),
    "Bps": (1000, _DECIMAL, "/s"),
}
_BEHIND = {"reqps": "req/s", "rps": "reads/s", "wps": "writes/s", "ops": "ops/s", "cps": "c/s"}
_BEHIND |= {"cpm": "c/m", "opm": "ops/m", "rpm": "reads/m", "wpm": "writes/m"}


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """The value with its unit, in four digits that count, or with so many decimals."""
    if not math.isfinite(value):
        return number(value)
    match unit:
        case "none" | "short" | "":
            return _number(value, decimals)
        case "percentunit":
            return f"{_number(100 * value, decimals)}%"
        case "percent":
            return f"{_number(value, decimals)}%"
        case _ if unit in _SECONDS:
            return _time(value * _SECONDS[unit], decimals)
        case _ if unit in _BYTES:
            base, names, per = _BYTES[unit]
            return _bytes(value, base, names, decimals) + per
        case _:
            # Grafana writes an id that it does not know behind the number as it is.
            return f"{_number(value, decimals)} {_BEHIND.get(unit, unit)}"


def _number(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return number(float(f"{value:.4g}") if abs(value) < 1000 else value)


def _time(seconds: float, decimals: int | None) -> str:
    if seconds == 0:
        return f"{_number(0, decimals)} s"
    name, size = next((name, size) for below, name, size in _TIMES if abs(seconds) < below)
    return f"{_number(float(f'{seconds / size:.3g}'), decimals)} {name}"


def _bytes(value: float, base: int, names: tuple[str, ...], decimals: int | None) -> str:
    power = min(int(math.log(abs(value), base)), len(names) - 1) if abs(value) >= 1 else 0
    return f"{_number(float(f'{value / base**power:.3g}'), decimals)} {names[power]}"
