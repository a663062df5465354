"""Stands in for kube-state-metrics: describes what runs here with the real names and labels.

A pod is ready while its process runs. No container is ever started again in its pod, because a pod
whose process ends is replaced. All roll-outs are complete, all claims have their volume.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ops.live.cron_jobs import ScheduledJob, job_metrics
from ops.live.mounts import Mount
from ops.live.pods import Pod
from ops.manifests import Manifests, Workload
from quantities import amount

KUBE_STATE_METRICS = "kube-state-metrics"
"""The workload whose metrics the exporter serves, from `object_series`."""
RELOADER = "config-reload"
"""The container that reloads the configuration of a server in a cluster."""
_ALLOWLIST = "--metric-allowlist="
_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_BOUND = {"Lost": 0.0, "Bound": 1.0, "Pending": 0.0}

Series = Iterator[tuple[str, Mapping[str, str], float]]
"""(metric, labels without the namespace, value) of each series."""


def object_series(
    manifests: Manifests,
    pods: Sequence[Pod],
    running: Collection[str],
    jobs: Sequence[ScheduledJob],
) -> dict[str, Any]:
    """The metrics of each pod of kube-state-metrics.

    `running` are the names of the pods whose process runs. Only metrics that the arguments of
    kube-state-metrics allow are included, as in the real program.
    """
    series = list(_series(manifests, pods, running, jobs))
    content = []
    for pod in pods:
        if pod.workload.name == KUBE_STATE_METRICS:
            allowed = _allowed(pod.workload)
            content.append(
                {
                    _name(metric, {"namespace": manifests.namespace, **labels}): value
                    for metric, labels, value in series
                    if metric in allowed
                }
            )
    return {KUBE_STATE_METRICS: content}


def reloader_series(mounts: Sequence[Mount]) -> dict[str, Any]:
    """The metrics of the container RELOADER of each pod that mounts its configuration.

    `Mount` does its work here.
    """
    series = [
        {
            "reloader_last_reload_successful": float(mount.failure is None),
            "reloader_watch_errors_total": 0.0,
            "reloader_config_apply_operations_failed_total": 0.0,
        }
        for mount in mounts
    ]
    return {RELOADER: series}


def _allowed(workload: Workload) -> set[str]:
    """The names in the allowlist, each of which is a pattern ^NAME$."""
    lists = [arg for arg in workload.main_container["args"] if arg.startswith(_ALLOWLIST)]
    return {
        item.removeprefix("^").removesuffix("$")
        for text in lists
        for item in text.removeprefix(_ALLOWLIST).split(",")
    }


def _name(metric: str, labels: Mapping[str, str]) -> str:
    return metric + "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _series(
    manifests: Manifests,
    pods: Sequence[Pod],
    running: Collection[str],
    jobs: Sequence[ScheduledJob],
) -> Series:
    for pod in pods:
        yield from _pod(pod, pod.name in running)
    for workload in manifests.workloads:
        own = [pod for pod in pods if pod.workload == workload]
        if own:
            ready = sum(pod.name in running for pod in own)
            yield from _workload(workload, float(ready))
            if workload.name in manifests.budgets:
                # Each budget allows one pod to be away.
                allowed = float(max(ready - len(own) + 1, 0))
                labels = {"poddisruptionbudget": workload.name}
                yield "kube_poddisruptionbudget_status_pod_disruptions_allowed", labels, allowed
    for name, limits in manifests.quotas.items():
        yield from _quota(name, limits, pods)
    for job in jobs:
        for metric, value in job_metrics(job):
            yield metric, {"cronjob": job.cron_job.name}, value


def _pod(pod: Pod, is_ready: bool) -> Series:
    own = {"pod": pod.name, "uid": f"uid-of-{pod.name}"}
    for condition, value in (("true", is_ready), ("false", not is_ready), ("unknown", False)):
        yield "kube_pod_status_ready", {**own, "condition": condition}, float(value)
    for phase in _PHASES:
        yield "kube_pod_status_phase", {**own, "phase": phase}, float(phase == "Running")
    for container in pod.workload.pod["spec"]["containers"]:
        labels = {**own, "container": container["name"]}
        yield "kube_pod_container_status_restarts_total", labels, 0.0
    for claim, size in pod.workload.claims.items():
        name = {"persistentvolumeclaim": f"{claim}-{pod.name}"}
        requested = "kube_persistentvolumeclaim_resource_requests_storage_bytes"
        yield requested, name, amount(size)
        for phase, value in _BOUND.items():
            yield "kube_persistentvolumeclaim_status_phase", {**name, "phase": phase}, value


def _workload(workload: Workload, ready: float) -> Series:
    kind, wanted = workload.kind.lower(), float(workload.replicas)
    labels = {kind: workload.name}
    yield f"kube_{kind}_status_replicas_ready", labels, ready
    if workload.kind == "StatefulSet":
        for metric in ("replicas", "status_replicas", "status_replicas_updated"):
            yield f"kube_statefulset_{metric}", labels, wanted
        return
    yield "kube_deployment_spec_replicas", labels, wanted
    for condition, reason in (
        ("Available", "MinimumReplicasAvailable"),
        ("Progressing", "NewReplicaSetAvailable"),
    ):
        for status in ("true", "false", "unknown"):
            found = {**labels, "condition": condition, "status": status, "reason": reason}
            yield "kube_deployment_status_condition", found, float(status == "true")


def _quota(name: str, limits: Mapping[str, str], pods: Sequence[Pod]) -> Series:
    for resource, limit in limits.items():
        used = float(len(pods)) if resource == "pods" else _requested(resource, pods)
        labels = {"resourcequota": name, "resource": resource}
        yield "kube_resourcequota", {**labels, "type": "hard"}, amount(limit)
        yield "kube_resourcequota", {**labels, "type": "used"}, used


def _requested(resource: str, pods: Sequence[Pod]) -> float:
    """What all containers together ask for of a resource such as `limits.memory`."""
    kind, _, name = resource.partition(".")
    return sum(
        amount(container["resources"].get(kind, {}).get(name, "0"))
        for pod in pods
        for container in pod.workload.pod["spec"]["containers"]
    )
