"""A window in the settings becomes time intervals that Alertmanager interprets the same way."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.hours import WEEKDAYS, Window, time_interval

EVERY_DAY = tuple(WEEKDAYS)
BERLIN = "Europe/Berlin"


def night(*weekdays: Any, zone: str = BERLIN) -> Window:
    return Window(time_zone=zone, weekdays=weekdays or EVERY_DAY, start="22:00", end="06:00")


def alertmanager_contains(entry: Any, moment: datetime) -> bool:
    """Whether Alertmanager considers an entry of `time_intervals` to contain the moment.

    As in Alertmanager's source: the local weekday and minute of the day match any interval.
    """

    def minute(text: str) -> int:
        hours, minutes = text.split(":")
        return int(hours) * 60 + int(minutes)

    for interval in entry["time_intervals"]:
        local = moment.astimezone(ZoneInfo(interval["location"]))
        now = local.hour * 60 + local.minute
        at_time = any(
            minute(times["start_time"]) <= now < minute(times["end_time"])
            for times in interval["times"]
        )
        if at_time and WEEKDAYS[local.weekday()] in interval["weekdays"]:
            return True
    return False


def settings_contain(window: Window, moment: datetime) -> bool:
    """Whether the settings include the moment: local time is between a start and its end.

    Computed from dates and times of the day, independently of Alertmanager's intervals.
    """
    wall = moment.astimezone(ZoneInfo(window.time_zone)).replace(tzinfo=None)
    return any(
        begin <= wall < begin + window_length(window)
        for begin in (
            datetime.combine(wall.date() - timedelta(days=back), time.fromisoformat(window.start))
            for back in (0, 1)
        )
        if WEEKDAYS[begin.weekday()] in window.weekdays
    )


def window_length(window: Window) -> timedelta:
    """From start to end, without a clock change."""
    first = datetime(2026, 1, 1)
    ends_a_day_later = window.end == "24:00"
    end = "00:00" if ends_a_day_later else window.end
    found = datetime.combine(first, time.fromisoformat(end)) - datetime.combine(
        first, time.fromisoformat(window.start)
    )
    return found if found > timedelta(0) else found + timedelta(days=1)


def open_spans(window: Window, day: date) -> list[tuple[str, str]]:
    """(start, end) in UTC of each span in which the window is open, in the 24 hours from noon."""
    entry = time_interval("w", window)
    start = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    minutes = [start + timedelta(minutes=number) for number in range(24 * 60)]
    spans: list[list[datetime]] = []
    for moment in minutes:
        if alertmanager_contains(entry, moment):
            if not spans or spans[-1][-1] != moment - timedelta(minutes=1):
                spans.append([moment])
            spans[-1].append(moment)
    return [
        (f"{span[0]:%a %H:%M}", f"{span[-1] + timedelta(minutes=1):%a %H:%M}") for span in spans
    ]


@pytest.mark.parametrize(
    ("noon_before", "expected"),
    [
        (date(2026, 3, 27), ("Fri 21:00", "Sat 05:00")),  # the night before the change
        (date(2026, 3, 28), ("Sat 21:00", "Sun 04:00")),  # clocks go forward: 7 hours
        (date(2026, 3, 29), ("Sun 20:00", "Mon 04:00")),
        (date(2026, 10, 23), ("Fri 20:00", "Sat 04:00")),
        (date(2026, 10, 24), ("Sat 20:00", "Sun 05:00")),  # clocks go back: 9 hours
        (date(2026, 10, 25), ("Sun 21:00", "Mon 05:00")),
    ],
)
def test_a_night_is_22_to_6_local_time_around_clock_changes(
    noon_before: date, expected: tuple[str, str]
) -> None:
    assert open_spans(night(), noon_before) == [expected]


@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)])
@pytest.mark.parametrize(
    ("start", "end"),
    [("22:00", "06:00"), ("01:30", "02:30"), ("02:15", "03:15"), ("03:00", "02:00")],
)
def test_alertmanager_and_the_settings_agree_on_a_window_around_a_clock_change(
    change: date, start: str, end: str
) -> None:
    window = Window(time_zone=BERLIN, weekdays=("saturday", "sunday"), start=start, end=end)
    entry = time_interval("w", window)
    first = datetime(change.year, change.month, change.day, tzinfo=UTC) - timedelta(days=2)
    moments = [first + timedelta(minutes=5 * number) for number in range(5 * 24 * 12)]
    found = {moment for moment in moments if alertmanager_contains(entry, moment)}
    assert found == {moment for moment in moments if settings_contain(window, moment)}
    assert found and len(found) < len(moments)


clock = st.times().map(lambda at: f"{at:%H:%M}")


@given(
    weekdays=st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
    start=clock,
    end=st.one_of(clock, st.just("24:00")),
    zone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)
def test_alertmanager_and_the_settings_agree_on_any_window(
    weekdays: Any, start: str, end: str, zone: str, moment: datetime
) -> None:
    if start == end:
        return
    window = Window(time_zone=zone, weekdays=weekdays, start=start, end=end)
    assert alertmanager_contains(time_interval("w", window), moment) == settings_contain(
        window, moment
    )


def test_a_night_that_begins_on_sunday_ends_on_monday() -> None:
    first, second = time_interval("w", night("sunday", "friday"))["time_intervals"]
    assert first["weekdays"] == ["friday", "sunday"]
    assert second["weekdays"] == ["monday", "saturday"]
    assert second["times"] == [{"start_time": "00:00", "end_time": "06:00"}]


def test_a_window_until_midnight_leaves_nothing_for_the_next_day() -> None:
    for end in ("00:00", "24:00"):
        window = Window(time_zone="UTC", weekdays=EVERY_DAY, start="18:00", end=end)
        (interval,) = time_interval("w", window)["time_intervals"]
        assert interval["times"] == [{"start_time": "18:00", "end_time": "24:00"}]
