"""`make live` starts CronJobs on every schedule that Kubernetes takes."""

from datetime import UTC, datetime

import pytest

from ops.live.cron_jobs import next_run
from schedules import NAMED

NOON = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("* * * * *", "2026-03-04T12:01:00"),
        ("0 6 ? * *", "2026-03-05T06:00:00"),
        ("@hourly", "2026-03-04T13:00:00"),
        ("@daily", "2026-03-05T00:00:00"),
        ("@weekly", "2026-03-08T00:00:00"),
        ("@monthly", "2026-04-01T00:00:00"),
        ("@yearly", "2027-01-01T00:00:00"),
        ("@every 1h30m", "2026-03-04T13:30:30"),
        ("@every 0", "2026-03-04T12:00:31"),
        ("@every -5m", "2026-03-04T12:00:31"),
        ("@every 1.5h2500ms", "2026-03-04T13:30:32"),
        ("@every 2562047h", "2318-06-14T11:00:30"),
        ("+5 * * * *", "2026-03-04T12:05:00"),
        (",5 * * * *", "2026-03-04T12:05:00"),
        ("5, * * * *", "2026-03-04T12:05:00"),
        ("*-5 * * * *", "2026-03-04T12:01:00"),
        ("?-3 * * * *", "2026-03-04T12:01:00"),
        ("50/90 * * * *", "2026-03-04T12:50:00"),
        ("0 6 5-31 * MON", "2026-03-05T06:00:00"),
        ("0 6 5-31 * */6", "2026-03-05T06:00:00"),
        ("0 6 6 * *,1", "2026-03-06T06:00:00"),
        ("0 6 6 * 1-6/9", "2026-03-06T06:00:00"),
        ("0 6 , * fri", "2026-03-06T06:00:00"),
        ("0 6 5 * ,", "2026-03-05T06:00:00"),
        ("0 6 1-31 feb wed", "2027-02-01T06:00:00"),
    ],
)
def test_a_schedule_is_due_when_kubernetes_starts_it(schedule: str, due: str) -> None:
    assert next_run(schedule, NOON) == datetime.fromisoformat(f"{due}+00:00")


@pytest.mark.parametrize("name", NAMED)
def test_every_name_is_known(name: str) -> None:
    assert next_run(name, NOON) > NOON
