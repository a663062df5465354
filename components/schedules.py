"""Checks the schedules of CronJobs, as the parser of Kubernetes (robfig/cron) reads them."""

import re
from calendar import monthrange
from dataclasses import dataclass, field

NAMED = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_EVERY = re.compile(r"@every ([+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+|[+-]?0)")
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
    if "TZ" in text:
        raise ValueError(f"`{text}` names a time zone. Remove it: schedules are in UTC.")
    if text.startswith("@"):
        if text not in NAMED and not _EVERY.fullmatch(text):
            names = f"{', '.join(NAMED)} or `@every 2h`"
            raise ValueError(f"`{text}` is not the name of a schedule. Write {names}.")
        return text
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"`{text}` is not a cron expression of five fields. {_ADVICE}")
    found = []
    for place, part in zip(_FIELDS, parts, strict=True):
        try:
            found.append(place.values(part))
        except ValueError as error:
            raise ValueError(f"`{text}`: in the {place.name}, {error}. {_ADVICE}") from None
    _, _, days, months, weekdays = found
    by_weekday = weekdays and not _is_any(parts[4])
    dates = any(day <= monthrange(2000, month)[1] for month in months for day in days)
    if not all(found) or not (dates or by_weekday):
        raise ValueError(f"no time fits `{text}`, so it would never run. {_ADVICE}")
    return text


def _is_any(text: str) -> bool:
    """Whether the field has a star: a day then has to fit both fields, not one of them."""
    parts = [part.partition("/") for part in text.split(",")]
    stars = [step for span, _, step in parts if span.split("-")[0] in ("*", "?")]
    return any(not step or int(step) == 1 for step in stars)
