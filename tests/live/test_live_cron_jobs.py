"""What is told of a local run's CronJobs in place of kube-state-metrics, and what comes of it.

The labels and the gaps are those of kube-state-metrics v2.18.0, asked about three such jobs.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.live import kube_state
from ops.live.jobs import Clock, Job
from ops.live.pods import Pod
from ops.manifests import CronJob, Workload
from tests.live.conftest import SPEED, Live, running
from tests.support.series import inventory

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALL = (
    "kube_cronjob_created",
    "kube_cronjob_spec_suspend",
    "kube_cronjob_next_schedule_time",
    "kube_cronjob_status_last_schedule_time",
    "kube_cronjob_status_last_successful_time",
)
FEEDER, HEARTBEAT = "synthetic-feeder", "soak-heartbeat"


def job(name: str, *, suspend: bool = False) -> Job:
    def refuse(_: CronJob) -> Any:
        raise AssertionError("nothing is run here")

    return Job(CronJob(name, "* * * * *", suspend, 60, {}), Clock(60, NOON), refuse)


def told(*jobs: Job, allowed: tuple[str, ...] = ALL) -> dict[str, float]:
    main = {"name": kube_state.NAME, "args": [f"--metric-allowlist={','.join(allowed)}"]}
    workload = Workload("Deployment", kube_state.NAME, 1, {"spec": {"containers": [main]}})
    pods = [Pod(workload, "kube-state-metrics-0", "127.0.87.1", ())]
    (series,) = kube_state.exposed(pods, jobs, "aurora-local")["pods"][kube_state.NAME]
    return series


def about(name: str) -> str:
    return f'{{namespace="aurora-local",cronjob="{name}"}}'


def test_a_job_that_ran_is_told_of_in_the_time_of_this_machine() -> None:
    ran = job("feeder")
    ran.created = NOON.replace(minute=1)
    ran.scheduled, ran.succeeded = NOON.replace(minute=5), NOON.replace(minute=5, second=30)
    assert told(ran) == {
        f"kube_cronjob_created{about('feeder')}": NOON.timestamp() + 1,
        f"kube_cronjob_next_schedule_time{about('feeder')}": NOON.timestamp() + 6,
        f"kube_cronjob_status_last_schedule_time{about('feeder')}": NOON.timestamp() + 5,
        f"kube_cronjob_status_last_successful_time{about('feeder')}": NOON.timestamp() + 5.5,
        f"kube_cronjob_spec_suspend{about('feeder')}": 0,
    }


def test_what_has_not_happened_yet_and_the_next_run_of_a_suspended_job_have_no_series() -> None:
    names = {key.partition("{")[0] for key in told(job("new"))}
    assert set(ALL) - names == {ALL[3], ALL[4]}
    names = {key.partition("{")[0] for key in told(job("idle", suspend=True))}
    assert set(ALL) - names == {ALL[2], ALL[3], ALL[4]}


def test_only_metrics_that_the_arguments_of_the_pod_name_are_given() -> None:
    assert list(told(job("new"), allowed=ALL[:1])) == [f"{ALL[0]}{about('new')}"]
    assert told(job("new"), allowed=("kube_cronjob_info",)) == {}


def test_without_a_job_nothing_is_told() -> None:
    assert told() == {}


@pytest.fixture(scope="module")
def busy(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The stack with its CronJobs, of which the feeder waits for more pods than there are."""
    environment = {
        FEEDER: {"FEEDER_PERIOD_SECONDS": "1", "FEEDER_MIN_PODS": "99"},
        HEARTBEAT: {"HEARTBEAT_PER_SECOND": str(2 * SPEED)},
    }
    state = tmp_path_factory.mktemp("busy")
    yield from running(Live(state, manifests, "127.0.87", jobs=True, environment=environment))


def late(live: Live) -> list[str]:
    """The CronJobs of which the alert fires."""
    return [
        found.labels["cronjob"]
        for rule, found in live.observer.look().alerts("firing")
        if rule.name == "CronJobLate"
    ]


def arrived(live: Live) -> list[tuple[str, str]]:
    """The alert's events at harbinger, the newest first: the CronJob, and what became of it."""
    return [
        (event["labels"]["cronjob"], event["status"])
        for event in live.observer.events()
        if event["alertname"] == "CronJobLate"
    ]


def test_a_job_that_fails_is_late_and_arrives_and_one_that_succeeds_is_not(busy: Live) -> None:
    busy.wait_for(lambda _: late(busy), "CronJobLate fires", 60)
    busy.wait_for(lambda _: arrived(busy), "harbinger is told")
    assert late(busy) == [FEEDER]
    assert arrived(busy) == [(FEEDER, "firing")]
    assert set(busy.platform.jobs[FEEDER].outcomes) == {1}
    assert set(busy.platform.jobs[HEARTBEAT].outcomes) == {0}, busy.said


def test_every_metric_of_the_inventory_is_there_and_says_its_own_namespace(busy: Live) -> None:
    known = {m["name"] for m in inventory()["platform"] if m["workload"] == kube_state.NAME}
    assert known == set(ALL)
    for metric in ALL:
        jobs = {FEEDER, HEARTBEAT} - ({FEEDER} if metric == ALL[4] else set())
        found = [sample.metric for sample in busy.observer.prometheus.query(metric)]
        assert {labels["cronjob"] for labels in found} == jobs, metric
        for labels in found:
            (pod,) = busy.platform.of(kube_state.NAME)
            assert labels.keys() == {
                "__name__", "job", "namespace", "pod", "instance", "cronjob"
            }  # fmt: skip
            assert labels["namespace"] == busy.platform.manifests.namespace
            assert (labels["job"], labels["pod"]) == (kube_state.NAME, pod.name)


def test_once_its_runs_succeed_again_the_alert_ends(busy: Live) -> None:
    busy.platform.options.environment[FEEDER]["FEEDER_MIN_PODS"] = "2"
    busy.wait_for(lambda _: not late(busy), "the alert's end", 60)
    busy.wait_for(lambda _: (FEEDER, "resolved") in arrived(busy), "harbinger is told of the end")
    assert HEARTBEAT not in dict(arrived(busy))


def test_where_no_job_is_run_none_is_told_of(services: Live) -> None:
    services.wait_for_rules()
    assert services.observer.prometheus.query('{__name__=~"kube_cronjob_.+"}') == []
    assert services.observer.prometheus.query('up{job="kube-state-metrics"} == 1') != []
