"""The scheduler over HTTP: runs the jobs in its settings, and lists them at GET /jobs."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, Json
from starlette.requests import Request

from services.scheduler.jobs import Job
from services.scheduler.runner import HttpCalls, JobMetrics, Runner
from services.shell import Answer, ServerSettings, Service

TICK_SECONDS = 0.25
"""Interval of checks for due runs, and so the delay of a run on an idle machine."""


def _check_unique_names(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    names = [job.name for job in jobs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two jobs are named {name!r}. Rename one.")
    return jobs


class SchedulerSettings(ServerSettings):
    """Read from SCHEDULER_JOBS, a JSON list of jobs, and SCHEDULER_TIME_ZONE, an IANA name."""

    service: ClassVar[str] = "scheduler"

    jobs: Annotated[
        Json[tuple[Job, ...]], Field(max_length=100), AfterValidator(_check_unique_names)
    ] = ()
    time_zone: ZoneInfo = ZoneInfo("UTC")


def build(
    settings: SchedulerSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Service:
    """Build the service; `now` is its clock."""
    service = Service(settings.service)
    metrics = JobMetrics(service.registry, [job.name for job in settings.jobs])
    calls = HttpCalls()
    runner = Runner(settings.jobs, settings.time_zone, now, calls, metrics)

    async def list_jobs(_: Request) -> Answer:
        return {"jobs": runner.describe_jobs()}

    async def tick() -> None:
        # Start no run while the service stops: it would be cut off, or would run in the next pod
        # too.
        if service.unready_reason is None:
            await runner.tick()

    service.route("GET", "/jobs", list_jobs)
    service.repeat("timetable", TICK_SECONDS, tick)
    service.close_at_stop(runner.close)
    service.close_at_stop(calls.close)
    return service
