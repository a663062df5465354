"""The pods of a stack: their real names, and an address on loopback for each."""

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from ops.manifests import NAME_LABEL, Manifests, Service, Workload

HTTP = "http"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of the random parts of names: no vowels, so that they spell no words."""


@dataclass
class Pod:
    """One pod: `ports` are container, port's name and number, of all its containers."""

    workload: Workload
    name: str
    address: str
    ports: tuple[tuple[str, str, int], ...]

    @property
    def port(self) -> int:
        """The port of its API and its metrics."""
        return next(number for _, name, number in self.ports if name == HTTP)

    @property
    def url(self) -> str:
        """Where it can be reached on this machine."""
        return f"http://{self.address}:{self.port}"

    def is_ready(self) -> bool:
        """Whether its readiness probe succeeds."""
        probe = self.workload.main_container["readinessProbe"]["httpGet"]["path"]
        try:
            return httpx.get(f"{self.url}{probe}", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def replacement(self) -> "Pod":
        """The pod that comes after this one has died: another name, but in a StatefulSet."""
        is_stable = self.workload.kind == "StatefulSet"
        name = self.name if is_stable else _random_name(self.workload)
        return Pod(self.workload, name, self.address, self.ports)


def pods_of(workloads: Iterable[Workload], network: str) -> list[Pod]:
    """A pod for each replica; `network` is the first three numbers of their addresses."""
    numbers = itertools.count(1)
    return [
        Pod(
            workload,
            f"{workload.name}-{ordinal}"
            if workload.kind == "StatefulSet"
            else _random_name(workload),
            f"{network}.{next(numbers)}",
            tuple(_ports(workload.pod["spec"]["containers"])),
        )
        for workload in workloads
        for ordinal in range(workload.replicas)
    ]


def random_part() -> str:
    """Five letters that make a pod's name its own."""
    return "".join(random.choices(_ALPHABET, k=5))  # noqa: S311 - a name, no secret


def target_groups(pods: Sequence[Pod], namespace: str) -> list[dict[str, Any]]:
    """What discovery in a cluster knows about the pods, as file_sd reads it: a group each port."""
    return [
        {
            "targets": [f"{pod.address}:{number}"],
            "labels": {
                "__meta_kubernetes_namespace": namespace,
                "__meta_kubernetes_pod_name": pod.name,
                "__meta_kubernetes_pod_ip": pod.address,
                "__meta_kubernetes_pod_phase": "Running",
                "__meta_kubernetes_pod_label_app_kubernetes_io_name": pod.workload.name,
                "__meta_kubernetes_pod_container_name": container,
                "__meta_kubernetes_pod_container_port_name": port_name,
                "__meta_kubernetes_pod_container_port_number": str(number),
                "__meta_kubernetes_pod_container_port_protocol": "TCP",
            },
        }
        for pod in pods
        for container, port_name, number in pod.ports
    ]


def names(manifests: Manifests, pods: Sequence[Pod]) -> dict[str, list[str]]:
    """The cluster's DNS: the addresses behind every name that a Service gives."""
    known: dict[str, list[str]] = {}
    for service in manifests.services:
        behind = [pod for pod in pods if pod.workload.name == service.selects]
        for name, addresses in _records(service, behind).items():
            for suffix in ("", ".NS", ".NS.svc", ".NS.svc.cluster.local"):
                known[name + suffix.replace("NS", manifests.namespace)] = addresses
    return known


def _records(service: Service, pods: Sequence[Pod]) -> Mapping[str, list[str]]:
    addresses = [pod.address for pod in pods]
    if not service.is_headless:
        return {service.name: addresses[:1]}
    each = {f"{pod.name}.{service.name}": [pod.address] for pod in pods}
    return {service.name: addresses, **each}


def _random_name(workload: Workload) -> str:
    return f"{workload.name}-{workload.template_hash}-{random_part()}"


def _ports(containers: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, int]]:
    for container in containers:
        for port in container.get("ports", []):
            yield container["name"], port["name"], port["containerPort"]


def label_value(selector: str) -> str:
    """The workload that a discovery selector `app.kubernetes.io/name=X` names."""
    key, _, value = selector.partition("=")
    if key != NAME_LABEL:
        raise ValueError(f"discovery by {selector!r} is not known here")
    return value
