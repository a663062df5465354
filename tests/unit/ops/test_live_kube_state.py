"""The stand-ins for kube-state-metrics and config-reload have the real names and labels."""

import re
from pathlib import Path

from ops.live.kube_state import KUBE_STATE_METRICS, RELOADER, object_series, reloader_series
from ops.live.mounts import Mount, RunFolder
from ops.live.pods import Pod, create_pods
from ops.live.rewriting import LocalEnvironment
from ops.manifests import read_manifests
from tests.support.series import inventory

IN_TROUBLE = {
    "kube_job_failed",
    "kube_pod_container_status_last_terminated_reason",
    "kube_pod_container_status_waiting_reason",
}
"""Metrics of what never happens here: a container that waits or has ended, and a failed Job."""


def pods_of(rendered: Path) -> list[Pod]:
    return create_pods(read_manifests(rendered).workloads, "127.0.99")


def series(rendered: Path, pods: list[Pod], running: set[str]) -> dict[str, float]:
    content = object_series(read_manifests(rendered), pods, running, [])
    (found,) = content[KUBE_STATE_METRICS]
    return found


def of(metric: str, found: dict[str, float], **labels: str) -> list[float]:
    """The values of the series of a metric that carry these labels."""
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    return [
        value
        for name, value in found.items()
        if name.startswith(f"{metric}{{") and all(text in name for text in wanted)
    ]


def test_it_has_each_metric_of_the_inventory_with_its_labels(rendered: Path) -> None:
    pods = pods_of(rendered)
    exported = {
        name.partition("{")[0]: set(re.findall(r'(\w+)="', name)) - {"namespace", "pod"}
        for name in series(rendered, pods, {pod.name for pod in pods})
    }
    listed = {
        metric["name"]: set(metric["labels"])
        for metric in inventory()["platform"]
        if metric["workload"] == KUBE_STATE_METRICS and "cronjob" not in metric["labels"]
    }
    assert exported == {name: listed[name] for name in listed.keys() - IN_TROUBLE}


def test_a_pod_whose_process_has_ended_is_not_ready(rendered: Path) -> None:
    pods = pods_of(rendered)
    dead = next(pod for pod in pods if pod.workload.name == "psi-field")
    found = series(rendered, pods, {pod.name for pod in pods} - {dead.name})
    for pod in pods:
        ready = of("kube_pod_status_ready", found, pod=pod.name, condition="true")
        assert ready == [float(pod is not dead)], pod.name
    assert of("kube_deployment_spec_replicas", found, deployment="psi-field") == [2]
    assert of("kube_deployment_status_replicas_ready", found, deployment="psi-field") == [1]
    allowed = "kube_poddisruptionbudget_status_pod_disruptions_allowed"
    assert of(allowed, found, poddisruptionbudget="psi-field") == [0]


def test_what_does_not_run_here_is_not_described(rendered: Path) -> None:
    pods = [pod for pod in pods_of(rendered) if pod.workload.name != "grafana"]
    found = series(rendered, pods, set())
    assert not [name for name in found if "grafana" in name]


def test_the_quota_is_used_by_the_pods_and_their_resources(rendered: Path) -> None:
    pods = pods_of(rendered)
    found = series(rendered, pods, set())
    assert of("kube_resourcequota", found, resource="pods", type="used") == [len(pods)]
    (used,) = of("kube_resourcequota", found, resource="requests.memory", type="used")
    (hard,) = of("kube_resourcequota", found, resource="requests.memory", type="hard")
    assert 0.1 * hard < used < hard


def test_a_refused_reload_is_told_by_the_pods_own_reloader(tmp_path: Path, rendered: Path) -> None:
    pod = pods_of(rendered)[0]
    local = LocalEnvironment(speed=1, folders={}, targets=tmp_path, names={})
    mounts = [Mount(pod, name, local, RunFolder(tmp_path)) for name in ("loaded", "refused")]
    mounts[1].failure = "error loading config"
    listed = {m["name"] for m in inventory()["platform"] if m["workload"] == RELOADER}
    loaded, refused = reloader_series(mounts)[RELOADER]
    assert loaded.keys() == refused.keys() == listed
    assert loaded["reloader_last_reload_successful"] == 1
    assert refused["reloader_last_reload_successful"] == 0


def test_only_metrics_that_its_arguments_allow_are_exported(rendered: Path) -> None:
    pods = pods_of(rendered)
    (own,) = (pod for pod in pods if pod.workload.name == KUBE_STATE_METRICS)
    own.workload.main_container["args"][:] = ["--metric-allowlist=^kube_pod_status_ready$"]
    names = {name.partition("{")[0] for name in series(rendered, pods, set())}
    assert names == {"kube_pod_status_ready"}
