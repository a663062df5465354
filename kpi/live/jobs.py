"""The stack's CronJobs: run at their times, never twice at once, never for longer than they may."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from kpi.live import processes
from kpi.live.processes import Child
from kpi.live.rendered import CronJob

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


class Job:
    """One CronJob; `run` starts it, given the name of its pod."""

    def __init__(self, job: CronJob, clock: Clock, run: Callable[[CronJob], Child]) -> None:
        self.job, self._clock, self._run = job, clock, run
        self._next = next(CronSim(job.schedule, clock.now()))
        self._started = float("-inf")
        self._child: Child | None = None
        self.outcomes: list[int] = []
        """The exit codes of the runs that have ended."""

    @property
    def name(self) -> str:
        """The job's own name."""
        return self.job.name

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
        now = self._clock.now()
        if may_start and not self.job.suspend and now >= self._next:
            rested = time.monotonic() - self._started >= SHORTEST_PAUSE_SECONDS
            if rested:
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
            return None
        return f"{self.name} {processes.ending(child.code)}: {child.last_line()}"
