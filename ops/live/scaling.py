"""Scales times for a run in which time runs `speed` times faster.

Most times are in configuration files. The services read some from their environment; all others
follow the machine's clock.
"""

import json
import re
from collections.abc import Mapping

from promql.durations import format_duration, parse_duration
from promql.expressions import parse

FEEDER, FEEDER_PERIOD_SECONDS = "synthetic-feeder", 60
"""A CronJob; all runs within one period of the platform's time send the same step."""
SOAK, SOAK_REQUESTS_PER_SECOND = "soak-heartbeat", 2
"""A CronJob that sends soak traffic, and its rate in the platform's time."""
SCHEDULER_JOBS = "SCHEDULER_JOBS"
LEAST_SECONDS = {"HARBINGER_WATCHDOG_TIMEOUT_SECONDS": 10}
"""Variables in seconds and their lower limits: pauses of a busy machine don't shrink with
`speed`."""

_PART = r"\d+(?:ms|[ywdhms])"
_DURATION = re.compile(rf"(?:{_PART})+")
# Strings and comments match as a whole, so that ranges inside them stay unchanged.
_PROMQL = re.compile(
    rf"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*)"""
    rf"""|(?P<range>\[[^\]]*\])|(?P<offset>\boffset\s+-?\s*(?:{_PART})+)"""
)
_EVERY_MINUTES = re.compile(r"\*(?:/(\d+))?(?: \*){4}")
_MINUTE = 60


def scale_duration(text: str, speed: int) -> str:
    """Divide a duration by `speed`, to no less than 1 ms; 0 stays 0.

    Raises ValueError if the text is not a duration.
    """
    milliseconds = parse_duration(text)
    if speed == 1 or milliseconds == 0:
        return text
    return format_duration(max(1, round(milliseconds / speed)))


def scale_promql(expression: str, speed: int) -> str:
    """Scale the ranges and offsets of an expression; every other byte stays."""

    def replace(found: re.Match[str]) -> str:
        if found["text"]:
            return found[0]
        return _DURATION.sub(lambda part: scale_duration(part[0], speed), found[0])

    return _PROMQL.sub(replace, expression)


def longest_range(expression: str) -> float:
    """The longest range or offset in an expression, in seconds; 0 without one.

    Raises PromqlError.
    """
    parsed = parse(expression)
    offsets = [selector.offset for selector in parsed.selectors]
    return max([*parsed.ranges, *offsets], default=0) / 1000


def scale_cron(expression: str, speed: int) -> str:
    """Make a cron expression due `speed` times as often, once a second at most.

    Only `* * * * *` and `*/N * * * *` change, and only if the result is below one minute.
    """
    every = _EVERY_MINUTES.fullmatch(expression)
    seconds = round(_MINUTE * int(every[1] or 1) / speed) if every else _MINUTE
    return expression if seconds >= _MINUTE else f"*/{max(1, seconds)} * * * * *"


def scale_variables(variables: Mapping[str, str], speed: int) -> dict[str, str]:
    """The variables of a pod: divide waits by `speed`; make jobs due `speed` times as often."""
    if speed == 1:
        return dict(variables)
    faster = {
        name: str(max(least, int(variables[name]) // speed))
        for name, least in LEAST_SECONDS.items()
        if name in variables
    }
    if SCHEDULER_JOBS in variables:
        jobs = json.loads(variables[SCHEDULER_JOBS])
        scaled = [{**job, "cron": scale_cron(job["cron"], speed)} for job in jobs]
        faster[SCHEDULER_JOBS] = json.dumps(scaled)
    return {**variables, **faster}


def cron_job_variables(speed: int) -> dict[str, dict[str, str]]:
    """Additional variables for CronJobs, by job name."""
    return {
        FEEDER: {"FEEDER_PERIOD_SECONDS": str(max(1, FEEDER_PERIOD_SECONDS // speed))},
        SOAK: {"HEARTBEAT_PER_SECOND": str(SOAK_REQUESTS_PER_SECOND * speed)},
    }
