"""The service: runs the jobs, and GET /jobs."""

from datetime import UTC, datetime

from starlette.requests import Request

from services.scheduler.calls import HttpCalls
from services.scheduler.metrics import JobMetrics
from services.scheduler.runner import Runner
from services.scheduler.settings import SchedulerSettings
from services.shell import Answer, Service

TICK_SECONDS = 0.25
"""How late a run may start on an idle machine."""


def build(settings: SchedulerSettings) -> Service:
    """The service with the jobs of its settings."""
    service = Service(settings.service)
    metrics = JobMetrics(service.registry, [job.name for job in settings.jobs])
    calls = HttpCalls()
    runner = Runner(settings.jobs, settings.time_zone, lambda: datetime.now(UTC), calls, metrics)

    async def jobs(_: Request) -> Answer:
        return {"jobs": runner.jobs()}

    async def tick() -> None:
        # A run that starts while the service stops would be cut off, or run in the next pod too.
        if service.unready is None:
            await runner.tick()

    service.route("GET", "/jobs", jobs)
    service.repeat("timetable", TICK_SECONDS, tick)
    service.at_stop(runner.close)
    service.at_stop(calls.close)
    return service
