"""The local stack with its real services, Prometheus and Alertmanager, on loopback."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from ops.live.kube_state import RELOADER
from ops.live.mounts import write_changed, write_changed_json
from ops.live.pods import Pod
from services.psi_field.engine import METRICS
from tests.live.conftest import Live, running
from tests.support.series import ROOT

NO_PEERS = {
    "psi-field": {"PSI_FIELD_PEERS": ""},
    "synthetic-feeder": {"FEEDER_PERIOD_SECONDS": "1"},
}


def step(pod: Pod, x: list[float]) -> None:
    answer = httpx.post(f"{pod.url}/step", json={"x": x}, trust_env=False)
    assert answer.status_code == 200, answer.text


def field_of(pod: Pod) -> list[str]:
    """The lines of the field's seven metrics in /metrics."""
    shown = tuple(f"psi_field_{name} " for name in METRICS)
    text = httpx.get(f"{pod.url}/metrics", trust_env=False).raise_for_status().text
    return [line for line in text.splitlines() if line.startswith(shown)]


def rule_counts(files: str) -> dict[str, int]:
    """The number of rules in each group of these files."""
    found = [yaml.safe_load(file.read_text())["groups"] for file in ROOT.glob(files)]
    return {group["name"]: len(group["rules"]) for groups in found for group in groups}


def firing(live: Live, alert: str) -> list[dict[str, str]]:
    """The labels with which an alert fires now."""
    seen = live.observer.observe()
    return [found.labels for rule, found in seen.alerts("firing") if rule.name == alert]


def test_all_rules_are_healthy_and_all_targets_up_under_the_real_names_of_their_pods(
    services: Live,
) -> None:
    seen = services.wait_for_rules()
    given = ("alerting_rules.yml", "recording_rules.yml")
    assert {
        group.name: len(group.rules) for group in seen.groups if group.file.endswith(given)
    } == {"psi_field": 5, "aurora_treaty": 7, "vaultmesh_aggregations": 22}
    own = [group for group in seen.groups if group.file.endswith("platform_rules.yml")]
    assert {group.name: len(group.rules) for group in own} == rule_counts("rules/platform/*.yaml")
    assert {(t.labels["job"], t.labels["pod"], t.labels["instance"]) for t in seen.targets} == {
        (
            RELOADER if container == RELOADER else pod.workload.name,
            pod.name,
            f"{pod.address}:{port}",
        )
        for pod in services.platform.pods
        for container, _, port in pod.ports
        if container == RELOADER or port == pod.port
    }
    assert len(services.platform.pods_of("psi-field")) == 2
    for sample in services.observer.prometheus.query('{job!="",__name__!~"ALERTS.*|.*:.*"}'):
        assert sample.metric["pod"] in services.platform.children, sample.metric


def test_the_stack_s_own_jobs_reach_the_services_by_their_names_in_the_cluster(
    services: Live,
) -> None:
    for job in services.platform.jobs.values():
        job.start()
    feeder, heartbeat = (
        services.platform.jobs[name] for name in ("synthetic-feeder", "soak-heartbeat")
    )
    services.wait_for(lambda _: feeder.exit_codes, "the feeder's end")
    assert feeder.exit_codes == [0], services.logged
    one, two = services.platform.pods_of("psi-field")
    assert field_of(one) == field_of(two)
    assert "psi_field_density 0.0" not in field_of(one)
    services.wait_for(
        lambda _: services.observer.prometheus.query("treaty_requests_total > 0"),
        "the heartbeat's traffic",
    )
    heartbeat.stop()


def test_a_killed_psi_field_pod_is_replaced_under_a_new_name_and_agrees_with_its_peer(
    services: Live,
) -> None:
    one, two = services.platform.pods_of("psi-field")
    for number in range(3):
        step(one, [number / 4] * 16)
    os.kill(services.platform.children[two.name].process.pid, signal.SIGKILL)
    services.platform.children[two.name].process.wait()
    services.platform.tick()
    kept, new = services.platform.pods_of("psi-field")
    assert kept is one and new.name != two.name
    assert f"{two.name} was ended by SIGKILL; {new.name} takes its place" in services.logged
    assert len(field_of(new)) == 7
    assert field_of(new) == field_of(one)
    step(new, [0.5] * 16)
    assert field_of(new) == field_of(one)
    services.wait_for(
        lambda seen: (
            {t.labels["pod"] for t in seen.targets if t.labels["job"] == "psi-field"}
            == {one.name, new.name}
            and seen.is_up
        ),
        "the new pod's own name in the targets",
    )


@pytest.fixture
def strangers(manifests: Path, tmp_path: Path) -> Iterator[Live]:
    """The stack whose psi-field pods don't know each other.

    Pods that do pass every step on: they can't drift.
    """
    yield from running(Live(tmp_path / "state", manifests, environment=NO_PEERS))


def test_one_pod_stepped_alone_drifts_and_the_feeder_s_steps_to_all_end_the_alert(
    strangers: Live,
) -> None:
    strangers.wait_for_rules()
    one, _ = strangers.platform.pods_of("psi-field")
    step(one, [3.0] * 16)
    strangers.wait_for(lambda _: firing(strangers, "PsiFieldPodDrift"), "the drift alert fires")
    strangers.wait_for(lambda _: drift_statuses(strangers) == ["firing"], "the drift arrives")

    feeder = strangers.platform.jobs["synthetic-feeder"]
    for feeding in range(3):
        time.sleep(max(0.0, 1 - time.time() % 1))
        feeder.start()
        strangers.wait_for(lambda _, n=feeding: len(feeder.exit_codes) > n, "the feeder's end")
    assert feeder.exit_codes == [0, 0, 0], strangers.logged
    strangers.wait_for(lambda _: not firing(strangers, "PsiFieldPodDrift"), "the alert's end")
    strangers.wait_for(
        lambda _: drift_statuses(strangers) == ["resolved", "firing"], "its end arrives"
    )


def drift_statuses(live: Live) -> list[str]:
    """The drift alert's events at harbinger, the newest first."""
    return [e["status"] for e in live.observer.events() if e["alertname"] == "PsiFieldPodDrift"]


def test_discovery_publishes_every_label_that_the_relabelling_reads(services: Live) -> None:
    files = services.platform.files
    read = (files.config("prometheus-server") / "prometheus.yml").read_text()
    published = {
        label
        for path in files.targets.glob("*.json")
        for group in json.loads(path.read_text())
        for label in group["labels"]
    }
    wanted = set(re.findall(r"__meta_\w+", read))
    assert wanted and wanted <= published


DOWN = "PlatformTargetDown"


def events_of(live: Live, alert: str, job: str) -> list[tuple[str, str]]:
    """The status and description of each event of an alert on a job, newest first."""
    return [
        (event["status"], event["annotations"]["description"])
        for event in live.observer.events()
        if event["alertname"] == alert and event["labels"]["job"] == job
    ]


def test_grafana_which_does_not_run_here_is_reported_as_down(services: Live) -> None:
    services.wait_for(
        lambda _: events_of(services, "GrafanaDown", "grafana"), "harbinger is told of Grafana"
    )
    # A notification is repeated after a while, and says the same.
    told = set(events_of(services, "GrafanaDown", "grafana"))
    assert told == {("firing", "No pod of grafana is found.")}


def test_a_pod_that_does_not_answer_is_reported_by_its_name_and_so_is_its_return(
    services: Live,
) -> None:
    services.wait_for_rules()
    (pod,) = services.platform.pods_of("scheduler")
    process = services.platform.children[pod.name].process.pid
    os.kill(process, signal.SIGSTOP)
    try:
        services.wait_for(lambda _: events_of(services, DOWN, "scheduler"), "harbinger is told")
    finally:
        os.kill(process, signal.SIGCONT)
    told = set(events_of(services, DOWN, "scheduler"))
    assert told == {("firing", f"Pod {pod.name} of scheduler can't be scraped.")}
    services.wait_for(
        lambda _: events_of(services, DOWN, "scheduler")[0][0] == "resolved", "harbinger is told"
    )


def test_a_service_without_any_pod_is_reported_by_its_name(services: Live) -> None:
    path = services.platform.files.targets / "scheduler.json"
    found = path.read_text()
    write_changed_json(path, [])
    try:
        services.wait_for(
            lambda _: (
                ("firing", "No pod of scheduler is found.")
                in events_of(services, DOWN, "scheduler")
            ),
            "harbinger is told",
        )
    finally:
        write_changed(path, found)
    services.wait_for_rules()


def test_without_runs_of_cron_jobs_their_state_is_not_exported(services: Live) -> None:
    services.wait_for_rules()
    assert services.observer.prometheus.query('{__name__=~"kube_cronjob_.+"}') == []
    assert services.observer.prometheus.query('up{job="kube-state-metrics"} == 1') != []
