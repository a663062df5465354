"""CronJobs of a local run: at their times, never two at once, never for longer than they may."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from ops.live import command, jobs, processes, view
from ops.live.jobs import Clock, Job
from ops.manifests import CronJob
from services.heartbeat.settings import HeartbeatSettings
from services.shell import load_settings

MINUTELY = CronJob("tick", "* * * * *", suspend=False, deadline_seconds=60, main_container={})
LATE = datetime(2026, 1, 1, 0, 0, 59, tzinfo=UTC)
"""A second before the next run is due."""


class Runs:
    """Starts programs in place of the job, and keeps them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.program = folder, "pass"
        self.children: list[processes.Child] = []

    def __call__(self, job: CronJob) -> processes.Child:
        names, log = self.folder / "names.json", self.folder / "log"
        command = [sys.executable, "-c", self.program]
        child = processes.start(job.name, command, {}, names=names, log=log)
        self.children.append(child)
        return child


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    found = Runs(tmp_path)
    yield found
    processes.stop(found.children)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SHORTEST_PAUSE_SECONDS", 0.0)


def tick_until(job: Job, condition: Callable[[], bool], seconds: float = 20) -> list[str]:
    """What the job said until the condition held."""
    said: list[str | None] = []
    deadline = time.monotonic() + seconds
    while not condition():
        said.append(job.tick(may_start=True))
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [line for line in said if line]


def test_a_job_starts_at_its_time_in_the_platform_s_own_clock(runs: Runs) -> None:
    job = Job(MINUTELY, Clock(60, LATE), runs)
    began = time.monotonic()
    tick_until(job, lambda: len(runs.children) == 2)
    assert 0.9 < time.monotonic() - began < 3


def test_a_job_that_still_runs_is_not_started_again(runs: Runs) -> None:
    runs.program = "import time; time.sleep(60)"
    job = Job(MINUTELY, Clock(600, LATE), runs)
    deadline = time.monotonic() + 1
    tick_until(job, lambda: time.monotonic() > deadline)
    assert len(runs.children) == 1


def test_a_job_that_takes_too_long_is_killed_and_said_to_have_failed(runs: Runs) -> None:
    runs.program = "import time; time.sleep(60)"
    strict = CronJob("tick", "* * * * *", suspend=False, deadline_seconds=0, main_container={})
    job = Job(strict, Clock(1), runs)
    job.start()
    said = tick_until(job, lambda: bool(job.outcomes))
    assert job.outcomes == [-9]
    assert said[0].startswith("tick was ended by SIGKILL")


def test_the_last_words_of_a_job_that_failed_are_told(runs: Runs) -> None:
    runs.program = "import sys; print('one pod missed the step'); sys.exit(1)"
    job = Job(MINUTELY, Clock(1), runs)
    job.start()
    said = tick_until(job, lambda: bool(job.outcomes))
    assert said == ["tick ended with code 1: one pod missed the step"]


def test_a_suspended_job_does_not_start(runs: Runs) -> None:
    job = Job(CronJob("tick", "* * * * *", True, 60, {}), Clock(600, LATE), runs)
    deadline = time.monotonic() + 0.5
    tick_until(job, lambda: time.monotonic() > deadline)
    assert runs.children == []


@pytest.mark.parametrize(("speed", "seconds"), [("1", "60"), ("60", "1"), ("7", "8")])
def test_feedings_and_soak_requests_come_as_often_as_ever_in_the_platform_s_time(
    speed: str, seconds: str, manifests: Path, tmp_path: Path
) -> None:
    arguments = [f"--manifests={manifests}", f"--state={tmp_path}", f"--speed={speed}"]
    given = command._parser().parse_args(arguments)
    platform = command._platform(given, None, view.Screen(StringIO()))
    assert platform.options.environment.keys() <= platform.jobs.keys()
    assert platform.options.environment["synthetic-feeder"] == {"FEEDER_PERIOD_SECONDS": seconds}
    heartbeat = load_settings(HeartbeatSettings, platform.options.environment["soak-heartbeat"])
    assert heartbeat.per_second == HeartbeatSettings().per_second * int(speed)
