"""Reads the schedules of CronJobs, as the parser of Kubernetes (robfig/cron) does."""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction

NAMED = {
    **dict.fromkeys(("@yearly", "@annually"), "0 0 1 1 *"),
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    **dict.fromkeys(("@daily", "@midnight"), "0 0 * * *"),
    "@hourly": "0 * * * *",
}
"""The expressions that names stand for."""
_NANOSECONDS = {
    "ns": 1,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    **dict.fromkeys(("us", "µs", "μs"), 1000),
}
_PART = r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_EVERY = re.compile(rf"@every ([+-]?)(0|({_PART})+)")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_NUMBER = re.compile(r"\+?[0-9]+|-0+")
_ADVICE = "Write five fields such as `0 6 * * *`, or a name such as @hourly."


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a schedule: its lowest and highest value, and names of values."""

    name: str
    least: int
    most: int
    names: dict[str, int] = field(default_factory=dict)

    def values(self, text: str) -> set[int]:
        """The values that the text means. Raises ValueError."""
        # Empty parts are left out, as the parser does.
        parts = [part for part in text.split(",") if part]
        return {value for part in parts for value in self._range(part)}

    def _range(self, part: str) -> range:
        span, *steps = part.split("/")
        first, *others = span.split("-")
        if len(steps) > 1:
            raise ValueError(f"`{part}` has too many slashes")
        if first in ("*", "?"):
            start, end = self.least, self.most
        elif len(others) > 1:
            raise ValueError(f"`{part}` has too many hyphens")
        else:
            start = self._number(first, part)
            end = self._number(others[0], part) if others else start
        step = self._step(steps[0], part) if steps else 1
        if steps and not others:
            end = self.most
        if start < self.least or end > self.most:
            raise ValueError(f"`{part}` is not within {self.least} to {self.most}")
        if start > end:
            raise ValueError(f"`{part}` ends before it begins")
        return range(start, end + 1, step)

    def _number(self, text: str, part: str) -> int:
        if text.lower() in self.names:
            return self.names[text.lower()]
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"`{part}` is not a number or a name of this field")
        return int(text)

    def _step(self, text: str, part: str) -> int:
        if not _NUMBER.fullmatch(text) or not 0 < int(text) < 2**63:
            raise ValueError(f"`{part}` has no step above zero")
        return int(text)


_FIELDS = (
    Field(name="minute", least=0, most=59),
    Field(name="hour", least=0, most=23),
    Field(name="day of the month", least=1, most=31),
    Field(name="month", least=1, most=12, names=dict(zip(_MONTHS, range(1, 13), strict=True))),
    Field(name="day of the week", least=0, most=6, names=dict(zip(_DAYS, range(7), strict=True))),
)


def check_schedule(text: str) -> str:
    """The schedule itself; ValueError if Kubernetes refuses it, or would never start a run."""
    read_schedule(text)
    return text


def read_schedule(text: str) -> str | timedelta:
    """The five fields of a schedule as stars and lists of numbers, or the pause of an @every.

    Raises ValueError as `check_schedule` does.
    """
    if "TZ" in text:
        raise ValueError(f"`{text}` names a time zone. Remove it: schedules are in UTC.")
    if text.startswith("@"):
        return NAMED[text] if text in NAMED else _pause(text)
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"`{text}` is not a cron expression of five fields. {_ADVICE}")
    found = []
    for place, part in zip(_FIELDS, parts, strict=True):
        try:
            found.append(place.values(part))
        except ValueError as error:
            raise ValueError(f"`{text}`: in the {place.name}, {error}. {_ADVICE}") from None
    minutes, hours, days, months, weekdays = found
    by_weekday = weekdays and not _is_any(parts[4])
    dates = any(day <= monthrange(2000, month)[1] for month in months for day in days)
    by_date = dates and (weekdays or not _is_any(parts[2]))
    if not (minutes and hours and months and (by_date or by_weekday)):
        raise ValueError(f"no time fits `{text}`, so it would never run. {_ADVICE}")
    return " ".join(map(_listed, parts, found))


def _pause(text: str) -> timedelta:
    """Whole seconds, at least one, between two runs of an @every."""
    match = _EVERY.fullmatch(text)
    if match is None:
        names = f"{', '.join(NAMED)} or `@every 2h`"
        raise ValueError(f"`{text}` is not the name of a schedule. Write {names}.")
    parts = re.findall(_PART, match[2])
    size = sum(int(Fraction(number) * _NANOSECONDS[unit]) for number, unit in parts)
    if size >= 2**63:
        raise ValueError(f"`{text}` is longer than Kubernetes can count. Write @every 24h or less.")
    return timedelta(seconds=1 if match[1] == "-" else max(size // 10**9, 1))


def _listed(text: str, values: set[int]) -> str:
    # A field of days without a day leaves the choice to the other one, as a star does.
    return "*" if _is_any(text) or not values else ",".join(map(str, sorted(values)))


def _is_any(text: str) -> bool:
    """Whether the field has a star: a day then has to fit both fields, not one of them."""
    parts = [part.partition("/") for part in text.split(",")]
    stars = [step for span, _, step in parts if span.split("-")[0] in ("*", "?")]
    return any(not step or int(step) == 1 for step in stars)
