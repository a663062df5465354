"""CronJobs start on the schedule in the settings, never overlap, and are cleaned up."""

from typing import Any

import pytest

from ops.live.scaling import longest_range
from promql.durations import parse_duration
from tests.support.recording import STACKS, stack_values


def jobs(platform: Any) -> dict[str, dict[str, Any]]:
    return {job["metadata"]["name"]: job["spec"] for job in platform.all("CronJob")}


def test_the_feeder_and_the_soak_test_are_deployed(platform: Any) -> None:
    assert {"synthetic-feeder", "soak-heartbeat"} <= set(jobs(platform))


def test_a_run_neither_overlaps_nor_outlives_its_deadline(platform: Any) -> None:
    for name, job in jobs(platform).items():
        run = job["jobTemplate"]["spec"]
        assert job["concurrencyPolicy"] == "Forbid", name
        assert run["activeDeadlineSeconds"] > 0, name
        # CronJobLate takes the one for the other: no metric has the deadline of a run to come.
        assert job["startingDeadlineSeconds"] == run["activeDeadlineSeconds"], name
        assert run["backoffLimit"] == 0, name
        assert run["template"]["spec"]["restartPolicy"] == "Never", name


def test_finished_runs_are_kept_for_a_limited_time(platform: Any) -> None:
    for name, job in jobs(platform).items():
        assert 0 < job["successfulJobsHistoryLimit"] <= 5, name
        assert 0 < job["failedJobsHistoryLimit"] <= 5, name
        assert 0 < job["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] <= 7 * 86400, name


@pytest.mark.parametrize("stack", STACKS)
def test_settings_reach_the_resources(recordings: dict[str, Any], stack: str) -> None:
    settings = stack_values(stack)["vaultmesh:settings"]["cronJobs"]
    for name, job in jobs(recordings[stack]).items():
        (container,) = job["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert job["schedule"] == settings[name]["schedule"]
        assert job["suspend"] is settings[name].get("suspend", False)
        assert container["command"] == settings[name]["command"]
        plain = {v["name"]: v["value"] for v in container["env"] if "value" in v}
        assert plain == settings[name].get("environment", {})


def test_the_feeder_expects_every_replica_of_the_field(recordings: dict[str, Any]) -> None:
    for stack, platform in recordings.items():
        replicas = platform.one("Deployment", "psi-field")["spec"]["replicas"]
        container = jobs(platform)["synthetic-feeder"]["jobTemplate"]["spec"]["template"]["spec"]
        env = {v["name"]: v.get("value") for v in container["containers"][0]["env"]}
        assert int(env["FEEDER_MIN_PODS"]) == replicas, stack


def test_a_cron_job_is_not_scraped(platform: Any) -> None:
    data = platform.one("ConfigMap", "prometheus-server")["data"]["prometheus.yml"]
    for name in jobs(platform):
        assert f"job_name: {name}" not in data


def test_a_run_hits_its_deadline_before_cronjoblate_fires(platform: Any) -> None:
    (late,) = [alert for alert in platform.alerts() if alert["alert"] == "CronJobLate"]
    patience = longest_range(late["expr"]) + parse_duration(late["for"]) / 1000
    for name, job in jobs(platform).items():
        longest = job["jobTemplate"]["spec"]["activeDeadlineSeconds"]
        assert longest < patience, (
            f"{name} may run for {longest} s, and CronJobLate waits for {patience:g} s: "
            "override its `for` in the stack's rules.overrides"
        )
