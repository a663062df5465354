"""Durations in Prometheus' notation, such as 1h30m."""

import re
from functools import lru_cache

MILLISECONDS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
"""Length of each unit, largest first: a duration must list its units in this order."""
_DURATION = re.compile("".join(rf"(?:0*([0-9]{{1,20}}){unit})?" for unit in MILLISECONDS))
_MAX_KEPT = 1024
_LONGEST_MS = (2**63 - 1) // 1_000_000  # Prometheus keeps durations as 64-bit nanoseconds


@lru_cache(maxsize=_MAX_KEPT)
def parse_duration(text: str) -> int:
    """Milliseconds of a duration such as "1h30m"; results are cached, as few are ever written.

    Raises ValueError if Prometheus would not accept the text as a duration.
    """
    match = _DURATION.fullmatch(text)
    if text != "0" and (not match or not text):
        raise ValueError(f"`{text}` is not a duration. Write 30m, 2h or 1d12h.")
    parts = match.groups() if match else ()
    total = sum(int(n or 0) * size for n, size in zip(parts, MILLISECONDS.values(), strict=False))
    if total > _LONGEST_MS:
        raise ValueError(f"`{text}` is longer than Prometheus can count. Write a shorter one.")
    return total


def format_duration(milliseconds: int) -> str:
    """The duration in the largest unit, up to days, that divides it evenly: 30d, 90m."""
    units = ((unit, MILLISECONDS[unit]) for unit in ("d", "h", "m", "s", "ms"))
    unit, size = next((unit, size) for unit, size in units if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"
