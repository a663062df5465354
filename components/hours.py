"""Daily windows of the settings, and the spans of the week in which one is closed."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from components.values import DnsLabel, Value, matching
from problems import did_you_mean
from time_zones import time_zones

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
MIDNIGHT, DAYS_END = "00:00", "24:00"
DAY_MINUTES = 24 * 60
WEEK_MINUTES = len(WEEKDAYS) * DAY_MINUTES


def _known_time_zone(zone: str) -> str:
    if zone not in time_zones():
        advice = did_you_mean(zone, time_zones(), "Write one such as Europe/Dublin.")
        raise ValueError(f"`{zone}` is not a time zone. {advice}")
    return zone


TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
_HOUR = "([01][0-9]|2[0-3]):[0-5][0-9]"
Start = Annotated[str, matching(_HOUR, "a time of the day", '"08:00"')]
End = Annotated[str, matching(f"{_HOUR}|24:00", "a time of the day", '"18:00" or "24:00"')]


class Window(Value):
    """A daily time window, `from` HH:MM `to` HH:MM, that begins on each of `weekdays`.

    If `to` is not later than `from`, the window ends the next day. Times are local to the time
    zone, so a night in which the clocks change is an hour shorter or longer.
    """

    time_zone: TimeZone
    weekdays: tuple[Weekday, ...] = WEEKDAYS
    start: Start = Field(validation_alias="from")
    end: End = Field(validation_alias="to")

    @model_validator(mode="after")
    def _is_not_empty(self) -> "Window":
        if not self.weekdays:
            raise ValueError("`weekdays` is empty. Name at least one day or remove the key.")
        if self.start == self.end:
            raise ValueError(
                f"from {self.start} to {self.end} is empty. For a whole day write from:"
                ' "00:00", to: "24:00".'
            )
        return self


class IdleWindow(Window):
    """A window in which nobody expects treaty traffic."""

    name: DnsLabel


def time_interval(name: str, window: Window) -> Mapping[str, Any]:
    """An entry of `time_intervals`; a window that crosses midnight becomes two ranges."""
    if window.start < window.end:
        parts = [(window.weekdays, window.start, window.end)]
    else:
        parts = [
            (window.weekdays, window.start, DAYS_END),
            ([_next_day(day) for day in window.weekdays], MIDNIGHT, window.end),
        ]
    return _interval(name, window.time_zone, parts)


def _next_day(weekday: Weekday) -> Weekday:
    return WEEKDAYS[(WEEKDAYS.index(weekday) + 1) % len(WEEKDAYS)]


def closed_spans(window: Window) -> list[tuple[int, int]]:
    """(start, length) of each span in which the window is closed, in minutes.

    Starts count from Monday 00:00. Empty if the window never closes.
    """
    start, end = _minutes(window.start), _minutes(window.end)
    length = (end - start) % DAY_MINUTES or DAY_MINUTES
    begins = sorted(WEEKDAYS.index(day) * DAY_MINUTES + start for day in window.weekdays)
    spans = []
    for begin, following in zip(begins, [*begins[1:], begins[0] + WEEK_MINUTES], strict=True):
        closes = begin + length
        if closes < following:
            spans.append((closes % WEEK_MINUTES, following - closes))
    return spans


def spans_interval(
    name: str, time_zone: str, spans: Iterable[tuple[int, int]]
) -> Mapping[str, Any]:
    """An entry of `time_intervals` that consists of these spans of the week."""
    parts: list[tuple[int, int, int]] = []
    for start, length in spans:
        while length:
            day, minute = divmod(start, DAY_MINUTES)
            part = min(length, DAY_MINUTES - minute)
            parts.append((day, minute, minute + part))
            start, length = (start + part) % WEEK_MINUTES, length - part
    return _interval(
        name,
        time_zone,
        [([WEEKDAYS[day]], _clock(start), _clock(end)) for day, start, end in parts],
    )


def _interval(
    name: str, time_zone: str, parts: Iterable[tuple[Iterable[Weekday], str, str]]
) -> Mapping[str, Any]:
    """An entry of `time_intervals` with these (days, start, end), but those that are empty."""
    return {
        "name": name,
        "time_intervals": [
            {
                "weekdays": sorted(days, key=WEEKDAYS.index),
                "times": [{"start_time": start, "end_time": end}],
                "location": time_zone,
            }
            for days, start, end in parts
            if start != end
        ],
    }


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
