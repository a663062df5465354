"""A pod's stop: all its parts, at their longest, end before Kubernetes kills the process."""

from inspect import signature

from components.pods import template
from services.scheduler.runner import STOP_SECONDS
from services.shell import runtime as server
from services.shell import tasks
from services.shell.settings import ServerSettings


def test_the_longest_stop_fits_into_the_grace_period_of_a_pod() -> None:
    drain = ServerSettings.model_json_schema()["properties"]["drain_seconds"]["maximum"]
    longest = drain + server._FINISH_SECONDS + tasks._STOP_SECONDS + STOP_SECONDS
    assert longest < signature(template).parameters["grace_seconds"].default
