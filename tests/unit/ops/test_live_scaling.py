"""When time runs faster, durations, PromQL, schedules and variables are scaled."""

import json

import pytest

from ops.live.scaling import (
    SCHEDULER_JOBS,
    longest_range,
    scale_cron,
    scale_duration,
    scale_promql,
    scale_variables,
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate(a[5m])", "rate(a[5s])"),
        ("rate(a[1h30m])", "rate(a[90s])"),
        ("max_over_time(rate(a[10m])[1h:30s])", "max_over_time(rate(a[10s])[1m:500ms])"),
        ("a offset 10m - a offset -1h", "a offset 10s - a offset -1m"),
        ('a{b="[5m]"} > 5', 'a{b="[5m]"} > 5'),
        ("""a{b='x" offset 5m'}[1m]""", """a{b='x" offset 5m'}[1s]"""),
        ("a[5m] # not [5m]", "a[5s] # not [5m]"),
        ("m5 + s30 * 30", "m5 + s30 * 30"),
    ],
)
def test_only_the_ranges_and_offsets_of_promql_change(old: str, new: str) -> None:
    assert scale_promql(old, 60) == new
    assert scale_promql(old, 1) == old


@pytest.mark.parametrize(
    ("old", "new"),
    [("30s", "500ms"), ("10s", "167ms"), ("4h", "4m"), ("1d", "24m"), ("0s", "0s"), ("1ms", "1ms")],
)
def test_durations_shrink_to_whole_milliseconds_and_never_to_0(old: str, new: str) -> None:
    assert scale_duration(old, 60) == new
    assert scale_duration(old, 1) == old


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("up == 0", 0),
        ("rate(a[5m]) > rate(a[10m])", 600),
        ("rate(a[5m] offset 1h)", 3900),
        ("a - a offset 20m", 1200),
        ("max_over_time(rate(a[10s])[1m:500ms])", 60),
    ],
)
def test_the_longest_range_includes_offsets(expression: str, seconds: float) -> None:
    assert longest_range(expression) == seconds


@pytest.mark.parametrize(
    ("expression", "speed", "faster"),
    [
        ("* * * * *", 60, "*/1 * * * * *"),
        ("* * * * *", 7, "*/9 * * * * *"),
        ("*/5 * * * *", 60, "*/5 * * * * *"),
        # The seconds field can't express a minute or more.
        ("*/5 * * * *", 5, "*/5 * * * *"),
        ("0 6 * * *", 60, "0 6 * * *"),
        ("*/10 * * * * *", 60, "*/10 * * * * *"),
    ],
)
def test_a_job_that_is_due_every_few_minutes_becomes_due_every_few_seconds(
    expression: str, speed: int, faster: str
) -> None:
    assert scale_cron(expression, speed) == faster


def test_of_the_scheduler_s_variables_only_the_schedules_of_its_jobs_change() -> None:
    job = {"name": "sweep", "cron": "* * * * *", "url": "http://x/", "timeout_seconds": 10}
    variables = {"PORT": "8000", SCHEDULER_JOBS: json.dumps([job])}
    faster = scale_variables(variables, 60)
    assert json.loads(faster.pop(SCHEDULER_JOBS)) == [{**job, "cron": "*/1 * * * * *"}]
    assert faster == {"PORT": "8000"}
    assert scale_variables(variables, 1) == variables
