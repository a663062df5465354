"""Runs the stack's CronJobs, and describes them as kube-state-metrics does.

Runs start on schedule and are killed at their deadline; runs of a job never overlap.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from ops.live.processes import Child, describe_exit, stop_children
from ops.manifests import CronJob
from schedules import read_schedule

SHORTEST_PAUSE_SECONDS = 5.0
"""Least time between two starts of a job: starting a program takes as long at any speed."""


def next_run(schedule: str, after: datetime) -> datetime:
    """When a schedule of Kubernetes is due next."""
    read = read_schedule(schedule)
    return after + read if isinstance(read, timedelta) else next(CronSim(read, after))


@dataclass
class Clock:
    """The platform's clock: starts at `started` and runs `speed` times as fast as real time."""

    speed: int
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """The platform's time, in UTC."""
        return self.started + timedelta(seconds=(time.monotonic() - self._began) * self.speed)

    def unix_time(self, moment: datetime) -> float:
        """The real Unix time at which the platform's time is `moment`."""
        return (self.started + (moment - self.started) / self.speed).timestamp()


class ScheduledJob:
    """One CronJob and its runs; all its times are in the platform's time."""

    def __init__(
        self, cron_job: CronJob, clock: Clock, start_run: Callable[[CronJob], Child]
    ) -> None:
        self.cron_job, self.clock, self._start_run = cron_job, clock, start_run
        self.created_at = clock.now()
        self.scheduled_at: datetime | None = None
        """When the last run on schedule was due; None before the first."""
        self.succeeded_at: datetime | None = None
        """When the last successful run ended; None before the first."""
        self.exit_codes: list[int] = []
        """Exit codes of the runs that have ended."""
        self._next_due = self.due_at
        self._started = float("-inf")
        self._child: Child | None = None

    @property
    def is_running(self) -> bool:
        """Whether a run is in progress."""
        return self._child is not None

    @property
    def due_at(self) -> datetime:
        """When the next run after `scheduled_at` is or was due."""
        return next_run(self.cron_job.schedule, self.scheduled_at or self.created_at)

    def start(self) -> None:
        """Start a run now, unless one is in progress."""
        if self._child is None:
            self._started = time.monotonic()
            self._child = self._start_run(self.cron_job)

    def tick(self, *, may_start: bool) -> str | None:
        """Start the job if due, kill a run past its deadline. Returns a line if a run failed."""
        failure = self._collect()
        now = self.clock.now()
        if may_start and not self.cron_job.suspend and now >= self._next_due:
            rested = time.monotonic() - self._started >= SHORTEST_PAUSE_SECONDS
            if rested and self._child is None:
                self.scheduled_at = self._next_due
                self.start()
            self._next_due = next_run(self.cron_job.schedule, now)
        return failure

    def stop(self) -> None:
        """Stop the run in progress, if any."""
        if self._child:
            stop_children([self._child])

    def _collect(self) -> str | None:
        child = self._child
        if child is None:
            return None
        code = child.exit_code
        if code is None:
            if time.monotonic() - self._started > self.cron_job.deadline_seconds:
                child.process.kill()
            return None
        self._child = None
        self.exit_codes.append(code)
        if code == 0:
            self.succeeded_at = self.clock.now()
            return None
        return f"{self.cron_job.name} {describe_exit(code)}: {child.last_line()}"


def job_metrics(job: ScheduledJob) -> Iterator[tuple[str, float]]:
    """Yield (metric, value) as kube-state-metrics does, with times on this machine's clock.

    An event that has not happened yet has no metric.
    """
    times = {
        "created": job.created_at,
        "next_schedule_time": None if job.cron_job.suspend else job.due_at,
        "status_last_schedule_time": job.scheduled_at,
        "status_last_successful_time": job.succeeded_at,
    }
    for metric, moment in times.items():
        if moment is not None:
            yield f"kube_cronjob_{metric}", round(job.clock.unix_time(moment), 3)
    yield "kube_cronjob_spec_starting_deadline_seconds", float(job.cron_job.deadline_seconds)
    yield "kube_cronjob_spec_suspend", float(job.cron_job.suspend)
    yield "kube_cronjob_status_active", float(job.is_running)
