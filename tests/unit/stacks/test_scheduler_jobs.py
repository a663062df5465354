"""Preview refuses the variables with which the scheduler would not start, and no others."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.app import SchedulerSettings
from services.shell import SettingsError, load_settings
from stacks.settings.jobs import JOBS, TIME_ZONE, scheduler_problems
from stacks.settings.layers import merged
from tests.support.recording import stack_values
from tests.support.refusals import refusals

CRONS = [
    *("* * * * *", "*/5 6-18 * * MON-FRI", "0 0 L * *", "0 0 LW * *", "0 0 * * 5#2", "0 0 * * 5L"),
    *(
        "30 * * * * *",
        "0 6 29 2 *",
        "62 25 * * 8",
        "* * *",
        "0 0 30 2 *",
        "@hourly",
        "",
        "a b c d e",
    ),
    *(
        "5-1 * * * *",
        "*/0 * * * *",
        "0 0 * * 7",
        "0 0 * * 5#6",
        "1" * 5000 + " * * * *",
        "٣ * * * *",
    ),
]
URLS = [
    *("http://psi-field:8000/ready", "HTTPS://a.b/", "http://[::1]:80/", "http://a_b./x y?z#w"),
    *("http://a", "http://a:/", "http://a?x", "http://@a/", "http://192.0.2.1/%zz", "http://a/ü"),
    *(
        "http://",
        "ftp://a/",
        "a:8000",
        "",
        " http://a/",
        "http://a b/",
        "http://a:0/",
        "http://a:x/",
    ),
    *("http://a:65536/", "http://me:marker@a/", "http://me@a/", "http://[::g]/", "http://::1/", 7),
    *(
        "http://a\n/",
        "http://a/\n",
        "http://-a/",
        "http://a..b/",
        f"http://{'a' * 64}/",
        "http:/a/",
    ),
    *("http://ü/", "http://a/\t", "http://{a}/", "//a/", "http://a:99999999/", "http://[::1/"),
]
VALUES: dict[str, list[Any]] = {
    "name": ["a", "b", "field-is-ready", "x" * 63, "x" * 64, "A", "", "-a", "a-", "a\n", "a.b", 5],
    "cron": [*CRONS, 5, None],
    "url": [*URLS, None],
    "method": ["GET", "POST", "DELETE", "get", "HEAD", "", None],
    "body": [None, {}, {"x": [1, None, {"y": "z"}]}, [], "x", {"x": float("nan")}, {"x": 1e999}],
    "timeout_seconds": [1, 0.5, 3600, 3601, 0, -1, "5", True, None, float("nan")],
}
GOOD = {"name": "a", "cron": "* * * * *", "url": "http://psi-field:8000/ready"}
changes = st.sampled_from([(key, value) for key, found in VALUES.items() for value in found])
jobs = st.lists(
    st.builds(
        lambda found, gone: {k: v for k, v in {**GOOD, **dict(found)}.items() if k != gone},
        st.lists(changes, max_size=2),
        st.sampled_from([None] * 9 + ["name", "cron", "url"]),
    ),
    max_size=3,
)


def starts(variables: dict[str, str]) -> bool:
    try:
        load_settings(SchedulerSettings, variables)
    except SettingsError:
        return False
    return True


def agrees(variables: dict[str, str]) -> None:
    found = list(scheduler_problems(variables))
    assert (not found) is starts(variables), (variables, found)
    for place, text in found:
        assert place.startswith("SCHEDULER_") and text[-1] in ".?"
        assert "marker" not in text


@settings(max_examples=1500, derandomize=True, deadline=None)
@given(jobs)
def test_preview_and_the_scheduler_agree_on_lists_of_jobs(found: list[dict[str, Any]]) -> None:
    agrees({JOBS: json.dumps(found)})


@pytest.mark.parametrize("key", VALUES)
def test_preview_and_the_scheduler_agree_on_every_value(key: str) -> None:
    for value in VALUES[key]:
        agrees({JOBS: json.dumps([{**GOOD, key: value}])})


@pytest.mark.parametrize(
    "variables",
    [
        {},
        *(
            {JOBS: text}
            for text in ("", "[]", "{}", "null", "[", "[1]", "[[]]", "5", '"a"', "[{}]")
        ),
        *({JOBS: json.dumps([{**GOOD, **extra}])} for extra in ({"retries": 3}, {"Name": "a"})),
        *(
            {JOBS: json.dumps([{**GOOD, "name": f"a{n}"} for n in range(many)])}
            for many in (100, 101)
        ),
        *({TIME_ZONE: zone} for zone in ("UTC", "Europe/Dublin", "Mars/Olympus", "", "../x", "+1")),
        {"SCHEDULER_JOB": "[]"},
        {"SCHEDULED": "x", "LOG_LEVEL": "info"},
    ],
)
def test_preview_and_the_scheduler_agree_on_variables(variables: dict[str, str]) -> None:
    agrees(variables)


def lines(variables: dict[str, str], name: str = "scheduler") -> list[str]:
    values = stack_values("staging")
    changed = {"workloads": {name: {"environment": variables}}}
    values["vaultmesh:settings"] = merged(values["vaultmesh:settings"], changed)
    return refusals(values)


def test_the_message_names_the_job_and_what_to_write() -> None:
    (line,) = lines({JOBS: json.dumps([GOOD, {**GOOD, "name": "b", "cron": "62 25 * * 8"}])})
    place, _, text = line.partition(": ")
    assert place.startswith(
        "vaultmesh:settings.workloads.scheduler.environment.SCHEDULER_JOBS.1.cron"
    )
    assert text.startswith("`62 25 * * 8` is not a schedule of the scheduler: Bad minute. Write ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"url": "http://me:marker@a/"', "is not JSON: EOF while parsing an object at line 1 c"),
        (json.dumps([{**GOOD, "url": "http://me:marker@a/"}]), "holds a user or a password. Write"),
        (json.dumps([{**GOOD, "name": "a\n"}]), "is not a name of at most 63 lower-case letters"),
        (json.dumps([{**GOOD, "timeout_seconds": 0}]), "`0` is too small. Write more than 0."),
        (json.dumps([{**GOOD, "timeout_seconds": "5"}]), "`5` is not a number. Write one such as"),
        (json.dumps([{"cron": "* * * * *"}]), "missing. Set it in the job."),
        (json.dumps([GOOD, GOOD]), "two jobs are named `a`. Rename one."),
    ],
)
def test_every_message_says_what_to_write_and_repeats_no_password(text: str, expected: str) -> None:
    found = lines({JOBS: text})
    assert found and expected in found[0] and "marker" not in found[0]


def test_other_programs_may_use_the_name_of_the_variable_as_they_like() -> None:
    assert lines({JOBS: "sweep"}, "harbinger") == []
