"""CronJobs of a local run: when they run, and the state that is exported of them.

The labels and the gaps are those of kube-state-metrics v2.18.0, asked about three such jobs.
"""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.live import cron_jobs
from ops.live.command import parse_arguments, run_options
from ops.live.cron_jobs import Clock, ScheduledJob, job_metrics
from ops.live.kube_state import KUBE_STATE_METRICS
from ops.live.platform import Platform
from ops.live.processes import Child, start_child, stop_children
from ops.manifests import CronJob
from services.heartbeat.app import HeartbeatSettings
from services.shell import load_settings
from tests.live.conftest import SPEED, Live, running
from tests.support.series import inventory

MINUTELY = CronJob("tick", "* * * * *", suspend=False, deadline_seconds=60, pod={})
LATE = datetime(2026, 1, 1, 0, 0, 59, tzinfo=UTC)
"""One second before the next run is due."""


class Runs:
    """Starts a program in place of the job, and keeps the processes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.program = folder, "pass"
        self.children: list[Child] = []

    def __call__(self, job: CronJob) -> Child:
        names, log = self.folder / "names.json", self.folder / "log"
        command = [sys.executable, "-c", self.program]
        child = start_child(job.name, command, {}, names=names, log=log)
        self.children.append(child)
        return child


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Runs of a job that may start at once after the one before."""
    monkeypatch.setattr(cron_jobs, "SHORTEST_PAUSE_SECONDS", 0.0)
    found = Runs(tmp_path)
    yield found
    stop_children(found.children)


def tick_until(job: ScheduledJob, condition: Callable[[], bool], seconds: float = 20) -> list[str]:
    """The failures that the job reports until the condition holds."""
    said: list[str | None] = []
    deadline = time.monotonic() + seconds
    while not condition():
        said.append(job.tick(may_start=True))
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [line for line in said if line]


def test_a_job_starts_at_its_time_in_the_platform_s_own_clock(runs: Runs) -> None:
    job = ScheduledJob(MINUTELY, Clock(60, LATE), runs)
    began = time.monotonic()
    tick_until(job, lambda: len(runs.children) == 2)
    assert 0.9 < time.monotonic() - began < 10


def test_a_job_that_still_runs_is_not_started_again(runs: Runs) -> None:
    runs.program = "import time; time.sleep(60)"
    job = ScheduledJob(MINUTELY, Clock(600, LATE), runs)
    deadline = time.monotonic() + 1
    tick_until(job, lambda: time.monotonic() > deadline)
    assert len(runs.children) == 1


def test_a_job_past_its_deadline_is_killed_and_reported_as_failed(runs: Runs) -> None:
    runs.program = "import time; time.sleep(60)"
    strict = CronJob("tick", "* * * * *", suspend=False, deadline_seconds=0, pod={})
    job = ScheduledJob(strict, Clock(1), runs)
    job.start()
    said = tick_until(job, lambda: bool(job.exit_codes))
    assert job.exit_codes == [-9]
    assert said[0].startswith("tick was ended by SIGKILL")


def test_the_last_line_of_a_failed_job_is_reported(runs: Runs) -> None:
    runs.program = "import sys; print('one pod missed the step'); sys.exit(1)"
    job = ScheduledJob(MINUTELY, Clock(1), runs)
    job.start()
    said = tick_until(job, lambda: bool(job.exit_codes))
    assert said == ["tick ended with code 1: one pod missed the step"]


def test_a_suspended_job_does_not_start(runs: Runs) -> None:
    job = ScheduledJob(CronJob("tick", "* * * * *", True, 60, {}), Clock(600, LATE), runs)
    deadline = time.monotonic() + 0.5
    tick_until(job, lambda: time.monotonic() > deadline)
    assert runs.children == []


@pytest.mark.parametrize(("speed", "seconds"), [("1", "60"), ("60", "1"), ("7", "8")])
def test_feedings_and_soak_requests_keep_their_rate_in_the_platform_s_time(
    speed: str, seconds: str, manifests: Path, tmp_path: Path
) -> None:
    arguments = [f"--manifests={manifests}", f"--state={tmp_path}", f"--speed={speed}"]
    platform = Platform(run_options(parse_arguments(arguments), None, print))
    assert platform.options.environment.keys() <= platform.jobs.keys()
    assert platform.options.environment["synthetic-feeder"] == {"FEEDER_PERIOD_SECONDS": seconds}
    heartbeat = load_settings(HeartbeatSettings, platform.options.environment["soak-heartbeat"])
    assert heartbeat.per_second == HeartbeatSettings().per_second * int(speed)


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALL = {
    "kube_cronjob_created",
    "kube_cronjob_spec_suspend",
    "kube_cronjob_spec_starting_deadline_seconds",
    "kube_cronjob_next_schedule_time",
    "kube_cronjob_status_active",
    "kube_cronjob_status_last_schedule_time",
    "kube_cronjob_status_last_successful_time",
}
FEEDER, HEARTBEAT = "synthetic-feeder", "soak-heartbeat"


def make_job(name: str, *, suspend: bool = False) -> ScheduledJob:
    def refuse(_: CronJob) -> Any:
        raise AssertionError("nothing is run here")

    return ScheduledJob(CronJob(name, "* * * * *", suspend, 60, {}), Clock(60, NOON), refuse)


def test_the_times_of_a_job_are_exported_in_the_time_of_this_machine() -> None:
    ran = make_job("feeder")
    ran.created_at = NOON.replace(minute=1)
    ran.scheduled_at, ran.succeeded_at = NOON.replace(minute=5), NOON.replace(minute=5, second=30)
    assert dict(job_metrics(ran)) == {
        "kube_cronjob_created": NOON.timestamp() + 1,
        "kube_cronjob_next_schedule_time": NOON.timestamp() + 6,
        "kube_cronjob_status_last_schedule_time": NOON.timestamp() + 5,
        "kube_cronjob_status_last_successful_time": NOON.timestamp() + 5.5,
        "kube_cronjob_spec_suspend": 0,
        "kube_cronjob_spec_starting_deadline_seconds": 60,
        "kube_cronjob_status_active": 0,
    }


def test_future_events_and_the_next_run_of_a_suspended_job_have_no_series() -> None:
    runs = {"kube_cronjob_status_last_schedule_time", "kube_cronjob_status_last_successful_time"}
    assert ALL - dict(job_metrics(make_job("new"))).keys() == runs
    idle = dict(job_metrics(make_job("idle", suspend=True))).keys()
    assert ALL - idle == {*runs, "kube_cronjob_next_schedule_time"}


@pytest.fixture(scope="module")
def busy(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The stack with its CronJobs; the feeder fails, because it requires more pods than exist."""
    environment = {
        FEEDER: {"FEEDER_PERIOD_SECONDS": "1", "FEEDER_MIN_PODS": "99"},
        HEARTBEAT: {"HEARTBEAT_PER_SECOND": str(2 * SPEED)},
    }
    state = tmp_path_factory.mktemp("busy")
    yield from running(Live(state, manifests, jobs=True, environment=environment))


def late_cron_jobs(live: Live) -> list[str]:
    """The CronJobs for which the alert fires."""
    return [
        found.labels["cronjob"]
        for rule, found in live.observer.observe().alerts("firing")
        if rule.name == "CronJobLate"
    ]


def received_events(live: Live) -> list[tuple[str, str]]:
    """CronJob and status of each event of the alert at harbinger, newest first."""
    return [
        (event["labels"]["cronjob"], event["status"])
        for event in live.observer.events()
        if event["alertname"] == "CronJobLate"
    ]


def test_a_job_that_fails_is_late_and_arrives_and_one_that_succeeds_is_not(busy: Live) -> None:
    busy.wait_for(lambda _: late_cron_jobs(busy), "CronJobLate fires")
    busy.wait_for(lambda _: received_events(busy), "harbinger is told")
    assert late_cron_jobs(busy) == [FEEDER]
    assert received_events(busy) == [(FEEDER, "firing")]
    assert set(busy.platform.jobs[FEEDER].exit_codes) == {1}
    assert set(busy.platform.jobs[HEARTBEAT].exit_codes) == {0}, busy.logged


def test_every_metric_of_the_inventory_is_there_and_says_its_own_namespace(busy: Live) -> None:
    known = {
        m["name"]
        for m in inventory()["platform"]
        if m["workload"] == KUBE_STATE_METRICS and "cronjob" in m["labels"]
    }
    assert known == ALL
    for metric in ALL:
        jobs = {FEEDER, HEARTBEAT} - ({FEEDER} if metric.endswith("successful_time") else set())
        found = [sample.metric for sample in busy.observer.prometheus.query(metric)]
        assert {labels["cronjob"] for labels in found} == jobs, metric
        for labels in found:
            (pod,) = busy.platform.pods_of(KUBE_STATE_METRICS)
            assert labels.keys() == {
                "__name__", "job", "namespace", "pod", "instance", "cronjob"
            }  # fmt: skip
            assert labels["namespace"] == busy.platform.manifests.namespace
            assert (labels["job"], labels["pod"]) == (KUBE_STATE_METRICS, pod.name)


def test_once_its_runs_succeed_again_the_alert_ends(busy: Live) -> None:
    busy.platform.options.environment[FEEDER]["FEEDER_MIN_PODS"] = "2"
    busy.wait_for(lambda _: not late_cron_jobs(busy), "the alert's end")
    busy.wait_for(
        lambda _: (FEEDER, "resolved") in received_events(busy), "harbinger is told of the end"
    )
    assert HEARTBEAT not in dict(received_events(busy))
