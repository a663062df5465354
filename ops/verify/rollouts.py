"""Whether every Deployment and StatefulSet runs what the stack says, and nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ops.kubernetes_api import Pod
from ops.manifests import Json, Workload
from ops.verify.rows import Row, judge

CHECK = "rollout"


def check_rollouts(
    wanted: Iterable[Workload], live: Mapping[tuple[str, str], Json], pods: Sequence[Pod]
) -> Iterator[Row]:
    """A row for each workload; `live` are the cluster's objects by (kind, name)."""
    for workload in wanted:
        found = live.get((workload.kind, workload.name))
        changed = _change(workload, found) if found else "does not exist"
        unfinished = _unfinished(workload, found) if found else None
        if unfinished:
            unfinished += _reason(workload, pods)
        yield judge(
            CHECK,
            f"{workload.kind.lower()}/{workload.name}",
            f"{workload.replicas} of {workload.replicas} updated and ready",
            changed or unfinished,
            "somebody changed the cluster: run `pulumi refresh` and then `pulumi up`"
            if changed
            else 'wait; if it stays, see "When up ends before the pods are ready" in'
            " docs/how-to.md",
        )


def _change(wanted: Workload, live: Json) -> str | None:
    """What is not as the stack says."""
    number = live["spec"].get("replicas")
    if number != wanted.replicas:
        return f"has {number} replicas, the stack says {wanted.replicas}"
    others = _images(live["spec"]["template"]).items() - _images(wanted.pod).items()
    if others:
        images = ", ".join(sorted(image for _, image in others))
        return f"runs {images}, which the stack does not name"
    return None


def _unfinished(wanted: Workload, live: Json) -> str | None:
    """What the controller still has to do, in the order in which it works."""
    replicas, status = wanted.replicas, live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return "its controller has not seen the latest change yet"
    for condition in status.get("conditions", []):
        if condition.get("reason") == "ProgressDeadlineExceeded":
            return f"gave up: {condition.get('message', condition['reason'])}"
    updated = status.get("updatedReplicas", 0)
    if updated < replicas:
        return f"{updated} of {replicas} pods are updated"
    is_one = status.get("currentRevision") == status.get("updateRevision")
    if wanted.kind == "StatefulSet" and not is_one:
        return "its pods are of two revisions"
    if status.get("replicas", 0) > updated:
        return f"{status['replicas'] - updated} old pods have not ended"
    ready = min(status.get("readyReplicas", 0), status.get("availableReplicas", 0))
    return f"{ready} of {replicas} pods are ready" if ready < replicas else None


def _images(template: Mapping[str, Any]) -> dict[str, str]:
    """The image of each container."""
    return {one["name"]: one["image"] for one in template["spec"]["containers"]}


def _reason(workload: Workload, pods: Sequence[Pod]) -> str:
    """What keeps the workload's first unready pod, as an addition to a problem."""
    for pod in pods:
        if pod.workload == workload.name and not pod.is_ready:
            return f"; {pod.metadata.name}: {pod.state}"
    return ""
