"""Times of the day as Alertmanager takes them: no range of it can go past midnight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
MIDNIGHT, DAYS_END = "00:00", "24:00"


@dataclass(frozen=True, kw_only=True)
class Window:
    """The time from `start` to `end`, HH:MM on the wall clocks of a time zone.

    Where `end` is not after `start`, it is on the next day. `weekdays` are those on which the
    window begins.
    """

    name: str
    time_zone: str
    weekdays: Sequence[Weekday]
    start: str
    end: str


def time_interval(window: Window) -> Mapping[str, Any]:
    """The entry of `time_intervals` that holds whenever the window is open."""
    if window.start < window.end:
        parts = [(window.weekdays, window.start, window.end)]
    else:
        parts = [
            (window.weekdays, window.start, DAYS_END),
            ([_next(day) for day in window.weekdays], MIDNIGHT, window.end),
        ]
    return {
        "name": window.name,
        "time_intervals": [
            {
                "weekdays": sorted(days, key=WEEKDAYS.index),
                "times": [{"start_time": start, "end_time": end}],
                "location": window.time_zone,
            }
            for days, start, end in parts
            if start != end
        ],
    }


def _next(weekday: Weekday) -> Weekday:
    return WEEKDAYS[(WEEKDAYS.index(weekday) + 1) % len(WEEKDAYS)]
