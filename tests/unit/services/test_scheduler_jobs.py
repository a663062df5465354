"""The times at which the scheduler's jobs are due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.jobs import Timetable, check_cron

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def timetable(cron: str, zone: str = "UTC", start: datetime = START) -> Timetable:
    return Timetable(cron, ZoneInfo(zone), start)


def test_a_job_is_due_once_at_each_of_its_times() -> None:
    jobs = timetable("* * * * *")
    assert jobs.due(START + timedelta(seconds=29)) is None
    due = jobs.due(START + timedelta(seconds=30))
    assert due and due.missed == 0 and due.since == datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
    assert jobs.due(START + timedelta(seconds=31)) is None
    assert jobs.next == datetime(2026, 3, 1, 12, 2, tzinfo=UTC)


def test_after_a_pause_one_run_is_due_and_the_others_are_missed() -> None:
    jobs = timetable("*/10 * * * *")
    due = jobs.due(datetime(2026, 3, 1, 13, 5, tzinfo=UTC))
    assert due and due.missed == 5
    assert due.since == datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
    assert jobs.next == datetime(2026, 3, 1, 13, 10, tzinfo=UTC)


def test_after_a_very_long_pause_at_most_a_thousand_runs_are_counted() -> None:
    jobs = timetable("* * * * * *")
    later = START + timedelta(days=3650)
    due = jobs.due(later)
    assert due and due.missed == 1000
    assert jobs.next == later + timedelta(seconds=1)


def test_a_clock_that_is_set_back_makes_no_run_due_twice() -> None:
    jobs = timetable("* * * * *")
    assert jobs.due(START + MINUTE)
    assert jobs.due(START - timedelta(hours=1)) is None
    assert jobs.due(START + MINUTE) is None


def runs(jobs: Timetable, start: datetime, seconds: int) -> list[datetime]:
    """The times of the runs that are due while the clock ticks from `start` on."""
    ticks = (jobs.due(start + timedelta(seconds=second)) for second in range(seconds))
    return [due.since for due in ticks if due]


@pytest.mark.parametrize("dwell", [1, 200])
@pytest.mark.parametrize("jump", [timedelta(minutes=20), timedelta(hours=10), timedelta(days=40)])
@pytest.mark.parametrize("before", [0, 120], ids=["at the start", "after two runs"])
def test_a_clock_that_jumps_ahead_and_is_corrected_stops_no_job(
    before: int, jump: timedelta, dwell: int
) -> None:
    jobs = timetable("* * * * *")
    runs(jobs, START, before)
    ahead = START + timedelta(seconds=before)
    runs(jobs, ahead + jump, dwell)
    corrected = ahead + timedelta(seconds=dwell)
    first = corrected.replace(second=0) + MINUTE
    assert runs(jobs, corrected, 180) == [first, first + MINUTE, first + 2 * MINUTE]


def test_a_clock_that_was_wrong_at_the_start_and_is_corrected_stops_no_job() -> None:
    jobs = timetable("* * * * *", start=START + timedelta(hours=6))
    assert len(runs(jobs, START + timedelta(hours=6), 180)) == 3
    assert len(runs(jobs, START, 180)) == 3


@pytest.mark.parametrize("back", [timedelta(milliseconds=300), 2 * MINUTE, timedelta(hours=1)])
def test_a_clock_that_is_set_back_repeats_no_run(back: timedelta) -> None:
    jobs = timetable("* * * * *")
    before = runs(jobs, START, 2 * 3600)
    again = runs(jobs, START + timedelta(hours=2) - back, 2 * 3600)
    assert not set(before) & set(again)
    assert again[0] == before[-1] + MINUTE


def test_every_time_starts_one_run_through_the_repeated_hour_of_winter_time() -> None:
    start = datetime(2026, 10, 24, 23, 30, 30, tzinfo=UTC)
    jobs = timetable("* * * * *", "Europe/Berlin", start)
    assert len(runs(jobs, start, 3 * 3600)) == 180


def test_the_latest_time_is_none_before_the_first_one_after_the_start() -> None:
    jobs = timetable("*/10 * * * *")
    assert jobs.latest_before(START + timedelta(minutes=9)) is None
    assert jobs.latest_before(START + timedelta(minutes=25)) == START.replace(minute=20, second=0)


def test_times_follow_the_time_zone_across_the_change_to_summer_time() -> None:
    berlin = timetable("0 9 * * *", "Europe/Berlin", datetime(2026, 3, 28, 0, 0, tzinfo=UTC))
    assert berlin.next == datetime(2026, 3, 28, 8, 0, tzinfo=UTC)
    berlin.due(datetime(2026, 3, 28, 8, 0, tzinfo=UTC))
    assert berlin.next == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("hour", range(4))
def test_a_daily_run_in_the_skipped_or_repeated_hour_is_neither_lost_nor_doubled(
    hour: int,
) -> None:
    for day in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        jobs = timetable(f"30 {hour} * * *", "Europe/Berlin", day - timedelta(hours=12))
        runs = sum(
            1 + due.missed for n in range(48 * 60) if (due := jobs.due(day + (n - 720) * MINUTE))
        )
        assert runs == 2


@given(st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_every_time_is_either_run_or_missed_for_any_pauses(pauses: list[int]) -> None:
    jobs, now, runs = timetable("*/7 * * * *"), START, 0
    for pause in pauses:
        now += pause * MINUTE
        if due := jobs.due(now):
            runs += 1 + due.missed
    minutes = range(START.minute + 1, START.minute + sum(pauses) + 1)
    assert runs == sum(1 for minute in minutes if minute % 60 % 7 == 0)


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("* * * *", "Wrong number of fields"),
        ("61 * * * *", "Bad minute"),
        ("@hourly", "Wrong number of fields"),
        ("0 0 31 2 *", "Bad day-of-month"),
        ("0 0 1 1 MON#6", "Bad day-of-week"),
        ("", "Wrong number of fields"),
    ],
)
def test_an_invalid_cron_expression_is_refused(cron: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_cron(cron)
