"""What the stack's own programs must be told when time runs faster.

They go by the clock of the machine: of what they read from their environment, only the times below
can run faster with the rest.
"""

import json
import re
from collections.abc import Mapping

FEEDER, FEEDER_PERIOD = "synthetic-feeder", 60
"""The CronJob that feeds, and the seconds of platform time within which its feedings are one."""
HEARTBEAT, HEARTBEAT_PER_SECOND = "soak-heartbeat", 2
"""The CronJob that sends the soak traffic, and how many requests in a second of platform time."""
JOBS = "SCHEDULER_JOBS"
SECONDS = {"HARBINGER_WATCHDOG_TIMEOUT_SECONDS": 10}
"""Variables that hold seconds, and how few of them there may be: the pauses of a busy machine do
not get shorter when time runs faster."""

_EVERY = re.compile(r"\*(?:/(\d+))?(?: \*){4}")
_MINUTE = 60


def environment(speed: int) -> dict[str, dict[str, str]]:
    """Further variables for the pods or jobs of a name."""
    return {
        FEEDER: {"FEEDER_PERIOD_SECONDS": str(max(1, FEEDER_PERIOD // speed))},
        HEARTBEAT: {"HEARTBEAT_PER_SECOND": str(HEARTBEAT_PER_SECOND * speed)},
    }


def paced(variables: Mapping[str, str], speed: int) -> dict[str, str]:
    """A pod's variables: waits are as much shorter as time runs faster, and jobs due as often."""
    if speed == 1:
        return dict(variables)
    faster = {
        name: str(max(least, int(variables[name]) // speed))
        for name, least in SECONDS.items()
        if name in variables
    }
    if JOBS in variables:
        jobs = [{**job, "cron": cron(job["cron"], speed)} for job in json.loads(variables[JOBS])]
        faster[JOBS] = json.dumps(jobs)
    return {**variables, **faster}


def cron(expression: str, speed: int) -> str:
    """The expression that is due `speed` times as often, once a second at most.

    Only one that is due every so many minutes can be, and only if seconds are enough for it.
    """
    every = _EVERY.fullmatch(expression)
    seconds = round(_MINUTE * int(every[1] or 1) / speed) if every else _MINUTE
    return expression if seconds >= _MINUTE else f"*/{max(1, seconds)} * * * * *"
