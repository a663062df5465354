"""Containers of the node as processes, which tests can enter or kill."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from toolchain.node.cluster import Node


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running container; `process` is its id inside the node's process namespace."""

    pod: str
    name: str
    process: str
    restarts: int


def running_containers(node: Node, pods: Iterable[dict[str, Any]]) -> list[Container]:
    """The running containers of these pods, as the API describes the pods."""
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
        for status in pod["status"]["containerStatuses"]
        if "running" in status["state"]
    ]
