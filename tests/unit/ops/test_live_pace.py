"""What runs by the clock of the machine is told to run faster where time does."""

import json

import pytest

from ops.live.pace import JOBS, cron, paced


@pytest.mark.parametrize(
    ("expression", "speed", "faster"),
    [
        ("* * * * *", 60, "*/1 * * * * *"),
        ("* * * * *", 7, "*/9 * * * * *"),
        ("*/5 * * * *", 60, "*/5 * * * * *"),
        # A minute or more can't be said in seconds, and this is the time of the clock.
        ("*/5 * * * *", 5, "*/5 * * * *"),
        ("0 6 * * *", 60, "0 6 * * *"),
        ("*/10 * * * * *", 60, "*/10 * * * * *"),
    ],
)
def test_what_is_due_every_few_minutes_is_due_every_few_seconds(
    expression: str, speed: int, faster: str
) -> None:
    assert cron(expression, speed) == faster


def test_only_the_times_of_a_scheduler_s_jobs_change() -> None:
    job = {"name": "sweep", "cron": "* * * * *", "url": "http://x/", "timeout_seconds": 10}
    variables = {"PORT": "8000", JOBS: json.dumps([job])}
    faster = paced(variables, 60)
    assert json.loads(faster.pop(JOBS)) == [{**job, "cron": "*/1 * * * * *"}]
    assert faster == {"PORT": "8000"}
    assert paced(variables, 1) == variables
