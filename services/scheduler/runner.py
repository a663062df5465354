"""Runs jobs when they are due: makes their HTTP calls, one at a time per job, and measures them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.scheduler.jobs import Job, Timetable
from services.shell import HttpClient, NoAnswerError

STOP_SECONDS = 5
"""Time for runs in progress to finish after the service has stopped."""

ANSWER_LIMIT = 1024 * 1024
"""Maximum bytes of the answer to a run; none of it is used."""

OUTCOMES = ("success", "failure", "timeout")
REASONS = ("overlap", "missed")
DURATION_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """The result of a run; `detail` is the HTTP status, or the reason why there was no answer."""

    outcome: Literal["success", "failure", "timeout"]
    detail: str


Call = Callable[[Job], Awaitable[Result]]


class HttpCalls:
    """Makes the HTTP calls of all jobs; an instance is a `Call`."""

    def __init__(self) -> None:
        self._client = HttpClient(limit=ANSWER_LIMIT)

    async def __call__(self, job: Job) -> Result:
        """Call the job's URL, and read the answer to its end."""
        try:
            reply = await self._client.send(
                job.method, job.url, seconds=job.timeout_seconds, body=job.body
            )
        except NoAnswerError as error:
            return Result("timeout" if error.timed_out else "failure", str(error))
        outcome = "success" if reply.is_success else "failure"
        return Result(outcome, f"answered {reply.status}")

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


class JobMetrics:
    """Metrics of the runs. The label is `task`, because `job` names the workload on every series.

    Counters start at 0, so that the first failure is an increase. The time of the last success is
    absent before the first success.
    """

    def __init__(self, registry: CollectorRegistry, tasks: Iterable[str]) -> None:
        self.runs = Counter(
            "scheduler_job_runs",
            "Runs that ended, by outcome: success, failure or timeout.",
            ["task", "outcome"],
            registry=registry,
        )
        self.skipped = Counter(
            "scheduler_job_skipped",
            "Runs that did not start: overlap, the one before still ran; missed, in a pause.",
            ["task", "reason"],
            registry=registry,
        )
        self.duration = Histogram(
            "scheduler_job_duration_seconds",
            "Duration of the runs that ended.",
            ["task"],
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self.lag = Gauge(
            "scheduler_job_lag_seconds",
            "How long after its time the last run started.",
            ["task"],
            registry=registry,
        )
        self.last_success = Gauge(
            "scheduler_job_last_success_timestamp_seconds",
            "Unix time at which the last successful run ended; missing before the first.",
            ["task"],
            registry=registry,
        )
        self.success_due = Gauge(
            "scheduler_job_success_due_timestamp_seconds",
            "Unix time of the last run that must have succeeded by now; 0 before the first.",
            ["task"],
            registry=registry,
        )
        for task in tasks:
            self.duration.labels(task)
            self.lag.labels(task)
            for outcome in OUTCOMES:
                self.runs.labels(task, outcome)
            for reason in REASONS:
                self.skipped.labels(task, reason)


@dataclass
class _LastRun:
    due: datetime
    started: datetime
    seconds: float
    result: Result

    def describe(self) -> dict[str, Any]:
        return {
            "due": self.due.isoformat(),
            "started": self.started.isoformat(timespec="milliseconds"),
            "duration_seconds": round(self.seconds, 3),
            "outcome": self.result.outcome,
            "detail": self.result.detail,
        }


class _Task:
    def __init__(self, job: Job, timetable: Timetable) -> None:
        self.job = job
        self.timetable = timetable
        self.run: asyncio.Task[None] | None = None
        self.last: _LastRun | None = None

    @property
    def is_running(self) -> bool:
        return self.run is not None and not self.run.done()


class Runner:
    """Runs the jobs with `call` when `tick` finds them due.

    `clock` returns timezone-aware times. Times before the runner's start do not count as missed.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        call: Call,
        metrics: JobMetrics,
    ) -> None:
        self._clock, self._call, self._metrics = clock, call, metrics
        start = clock()
        self._tasks = [_Task(job, Timetable(job.cron, zone, start)) for job in jobs]
        for task in self._tasks:
            gauge = metrics.success_due.labels(task.job.name)
            gauge.set_function(lambda task=task: self._success_due(task))

    def _success_due(self, task: _Task) -> float:
        """When the last run was due whose timeout is over, as Unix time; 0 if there is none.

        It comes from the schedule and not from the runs, so that it also tells of runs that never
        started.
        """
        over = self._clock() - timedelta(seconds=task.job.timeout_seconds)
        due = task.timetable.latest_before(over)
        return due.timestamp() if due else 0

    async def tick(self) -> None:
        """Start the due runs. Call it several times a second."""
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
        task.last = _LastRun(due, started, seconds, result)
        self._metrics.runs.labels(name, result.outcome).inc()
        self._metrics.duration.labels(name).observe(seconds)
        if result.outcome == "success":
            self._metrics.last_success.labels(name).set(self._clock().timestamp())
        else:
            log.warning("a run failed", extra={"task": name, "detail": result.detail})

    async def close(self) -> None:
        """Wait up to STOP_SECONDS for unfinished runs, then cancel them without counting them."""
        runs = [task.run for task in self._tasks if task.run and task.is_running]
        if not runs:
            return
        _, late = await asyncio.wait(runs, timeout=STOP_SECONDS)
        for run in late:
            run.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def describe_jobs(self) -> list[dict[str, Any]]:
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
                "last_run": task.last.describe() if task.last else None,
            }
            for task in self._tasks
        ]
