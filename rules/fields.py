"""The kinds of text that rule files hold: durations and names, as Prometheus defines them."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_UNITS_MS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_DURATION = re.compile("".join(rf"(?:([0-9]+){unit})?" for unit in _UNITS_MS))
_LONGEST_MS = (2**63 - 1) // 1_000_000  # Prometheus keeps durations as 64-bit nanoseconds


def duration_ms(text: str) -> int:
    """Milliseconds of a Prometheus duration such as "1h30m"; ValueError if it isn't one."""
    match = _DURATION.fullmatch(text) if len(text) <= 50 else None
    if text != "0" and (not match or not text):
        raise ValueError(f"`{text}` is not a duration. Write one such as 30s, 5m or 1h30m.")
    parts = match.groups() if match else ()
    total = sum(int(n or 0) * size for n, size in zip(parts, _UNITS_MS.values(), strict=False))
    if total > _LONGEST_MS:
        raise ValueError(f"`{text}` is longer than Prometheus can count. Shorten it.")
    return total


def duration_text(milliseconds: int) -> str:
    """A Prometheus duration in the largest unit, up to days, that leaves no rest: 30d, 90m."""
    units = ((unit, _UNITS_MS[unit]) for unit in ("d", "h", "m", "s", "ms"))
    unit, size = next((unit, size) for unit, size in units if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"


def _duration(text: str) -> str:
    duration_ms(text)
    return text


def _interval(text: str) -> str:
    if duration_ms(text) == 0:
        raise ValueError("an interval of 0 evaluates nothing. Write one such as 30s.")
    return text


def _name(pattern: str, advice: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"`{text}` is not a valid name. {advice}")
        return text

    return AfterValidator(check)


_WORD = r"[A-Za-z_]\w*"
Text = Annotated[str, Field(min_length=1)]
Duration = Annotated[str, AfterValidator(_duration)]
Interval = Annotated[str, AfterValidator(_interval)]
AlertName = Annotated[str, _name(_WORD, "Use letters, digits and _ only.")]
LabelName = Annotated[str, _name(r"(?!__)" + _WORD, "Use letters, digits and _; not __ in front.")]
MetricName = Annotated[
    str, _name(_WORD, "Use letters, digits and _; colons are for recorded ones.")
]
RecordName = Annotated[
    str, _name(r"[A-Za-z_]\w*(:\w+)+", "Write level:metric:operation, such as psi:density:avg.")
]
SloName = Annotated[
    str, _name(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "Use lower-case letters, digits and - only.")
]
