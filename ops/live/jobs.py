"""The stack's CronJobs: run at their times, never twice at once, never for longer than they may."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from ops.live import processes
from ops.live.processes import Child
from ops.manifests import CronJob

SHORTEST_PAUSE_SECONDS = 5.0
"""Between two starts of a job when time runs faster: starting a program takes its own time."""


@dataclass
class Clock:
    """The time of the platform, which runs `speed` times as fast as ours from the start on."""

    speed: int
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """The platform's time, in UTC."""
        return self.started + timedelta(seconds=(time.monotonic() - self._began) * self.speed)

    def real(self, moment: datetime) -> float:
        """The Unix time of this machine at which the platform's time is `moment`."""
        return (self.started + (moment - self.started) / self.speed).timestamp()


class Job:
    """One CronJob; `run` starts it, given the name of its pod. Its times are the platform's."""

    def __init__(self, job: CronJob, clock: Clock, run: Callable[[CronJob], Child]) -> None:
        self.job, self.clock, self._run = job, clock, run
        self.created = clock.now()
        self.scheduled: datetime | None = None
        """When the last run that was started at its time was due."""
        self.succeeded: datetime | None = None
        """When the last run that succeeded ended."""
        self._next = self.due
        self._started = float("-inf")
        self._child: Child | None = None
        self.outcomes: list[int] = []
        """The exit codes of the runs that have ended."""

    @property
    def name(self) -> str:
        """The job's own name."""
        return self.job.name

    @property
    def due(self) -> datetime:
        """When the run after the last one that was started at its time is due, or was."""
        return next(CronSim(self.job.schedule, self.scheduled or self.created))

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self._child is not None

    def start(self) -> None:
        """Run it now; nothing happens while a run is under way."""
        if self._child is None:
            self._started = time.monotonic()
            self._child = self._run(self.job)

    def tick(self, *, may_start: bool) -> str | None:
        """Start it if it is due, end it if it is late; a line if a run has failed."""
        failure = self._collect()
        now = self.clock.now()
        if may_start and not self.job.suspend and now >= self._next:
            rested = time.monotonic() - self._started >= SHORTEST_PAUSE_SECONDS
            if rested and not self.is_running:
                self.scheduled = self._next
                self.start()
            self._next = next(CronSim(self.job.schedule, now))
        return failure

    def stop(self) -> None:
        """End a run that is under way."""
        if self._child:
            processes.stop([self._child])

    def _collect(self) -> str | None:
        child = self._child
        if child is None:
            return None
        if child.code is None:
            if time.monotonic() - self._started > self.job.deadline_seconds:
                child.process.kill()
            return None
        self._child = None
        self.outcomes.append(child.code)
        if child.code == 0:
            self.succeeded = self.clock.now()
            return None
        return f"{self.name} {processes.ending(child.code)}: {child.last_line()}"
