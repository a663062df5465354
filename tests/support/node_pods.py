"""The platform's pods on a node, and their containers as processes that tests enter or kill."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.support.node import Deployed
from toolchain.node.cluster import Node

Pod = dict[str, Any]
"""A pod as the API describes it."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running container; `process` is its id inside the node's process namespace."""

    pod: str
    name: str
    process: str
    restarts: int


def is_of_a_job(pod: Pod) -> bool:
    """Whether a run of a CronJob owns the pod, which ends within seconds."""
    return any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", []))


def server_pods(deployed: Deployed) -> list[Pod]:
    """The pods of the platform that run for good."""
    return [pod for pod in deployed.objects("pods") if not is_of_a_job(pod)]


def pod_names(deployed: Deployed, component: str) -> list[str]:
    """The names of the component's pods, sorted."""
    return sorted(pod["metadata"]["name"] for pod in deployed.pods(component))


def is_ready(pod: Pod) -> bool:
    """Whether the pod is ready, and nobody has asked it to end."""
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def running_containers(node: Node, pods: Iterable[Pod]) -> list[Container]:
    """The running containers of these pods."""
    listed = node.run("ctr", "--namespace=k8s.io", "tasks", "list").splitlines()[1:]
    processes = {container: process for container, process, _ in map(str.split, listed)}
    return [
        Container(
            pod=pod["metadata"]["name"],
            name=status["name"],
            process=processes[status["containerID"].removeprefix("containerd://")],
            restarts=status["restartCount"],
        )
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
        if "running" in status["state"]
    ]
