"""Starts each job when it is due, and never twice at once."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.scheduler.calls import Call, Result
from services.scheduler.jobs import Timetable
from services.scheduler.metrics import JobMetrics
from services.scheduler.settings import Job

STOP_SECONDS = 5
"""How long runs may go on after the service has stopped."""

Clock = Callable[[], datetime]
"""What time it is, with a time zone."""

log = logging.getLogger(__name__)


@dataclass
class _Last:
    due: datetime
    started: datetime
    seconds: float
    result: Result


class _Task:
    def __init__(self, job: Job, timetable: Timetable) -> None:
        self.job = job
        self.timetable = timetable
        self.run: asyncio.Task[None] | None = None
        self.last: _Last | None = None

    @property
    def is_running(self) -> bool:
        return self.run is not None and not self.run.done()


class Runner:
    """Runs the jobs by `call`, as `tick` finds them due.

    The times begin at the runner's own start: what was missed before is not made up for.
    """

    def __init__(
        self, jobs: Iterable[Job], zone: ZoneInfo, clock: Clock, call: Call, metrics: JobMetrics
    ) -> None:
        self._clock, self._call, self._metrics = clock, call, metrics
        start = clock()
        self._tasks = [_Task(job, Timetable(job.cron, zone, start)) for job in jobs]

    async def tick(self) -> None:
        """Start what is due. Meant to be called several times a second."""
        for task in self._tasks:
            now = self._clock()
            due = task.timetable.due(now)
            if due is None:
                continue
            name = task.job.name
            if due.missed:
                self._metrics.skipped.labels(name, "missed").inc(due.missed)
                log.warning("runs were missed", extra={"task": name, "runs": due.missed})
            if task.is_running:
                self._metrics.skipped.labels(name, "overlap").inc()
                log.warning("a run is skipped, the one before still runs", extra={"task": name})
                continue
            self._metrics.lag.labels(name).set((now - due.since).total_seconds())
            task.run = asyncio.create_task(self._run(task, due.since, now))

    async def _run(self, task: _Task, due: datetime, started: datetime) -> None:
        name = task.job.name
        began = time.perf_counter()
        try:
            result = await self._call(task.job)
        except Exception:
            log.exception("a run broke", extra={"task": name})
            result = Result("failure", "internal error; the log has more")
        seconds = time.perf_counter() - began
        task.last = _Last(due, started, seconds, result)
        self._metrics.runs.labels(name, result.outcome).inc()
        self._metrics.duration.labels(name).observe(seconds)
        if result.outcome == "success":
            self._metrics.last_success.labels(name).set(self._clock().timestamp())
        else:
            log.warning("a run failed", extra={"task": name, "detail": result.detail})

    async def close(self) -> None:
        """Let the runs under way end, a bounded time, then cut them off; those count nowhere."""
        runs = [task.run for task in self._tasks if task.run and task.is_running]
        if not runs:
            return
        _, late = await asyncio.wait(runs, timeout=STOP_SECONDS)
        for run in late:
            run.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def jobs(self) -> list[dict[str, Any]]:
        """Each job with its next and its last run, as JSON values."""
        return [
            {
                "name": task.job.name,
                "cron": task.job.cron,
                "method": task.job.method,
                "url": task.job.url,
                "timeout_seconds": task.job.timeout_seconds,
                "running": task.is_running,
                "next_run": task.timetable.next.isoformat(),
                "last_run": _shown(task.last) if task.last else None,
            }
            for task in self._tasks
        ]


def _shown(last: _Last) -> dict[str, Any]:
    return {
        "due": last.due.isoformat(),
        "started": last.started.isoformat(timespec="milliseconds"),
        "duration_seconds": round(last.seconds, 3),
        "outcome": last.result.outcome,
        "detail": last.result.detail,
    }
