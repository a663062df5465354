"""The pods of a stack: names as in a cluster, loopback addresses, discovery and DNS."""

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from ops.manifests import Manifests, Service, Workload

HTTP = "http"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for random names; it has no vowels, so no words appear."""


@dataclass
class Pod:
    """One pod; `ports` lists (container name, port name, port number) of all containers."""

    workload: Workload
    name: str
    address: str
    ports: tuple[tuple[str, str, int], ...]

    @property
    def port(self) -> int:
        """The port named `http`, which serves the API and the metrics."""
        return next(number for _, name, number in self.ports if name == HTTP)

    @property
    def url(self) -> str:
        """The base URL of its API on this machine."""
        return f"http://{self.address}:{self.port}"

    def is_ready(self) -> bool:
        """Run the readiness probe once."""
        path = self.workload.main_container["readinessProbe"]["httpGet"]["path"]
        try:
            return httpx.get(f"{self.url}{path}", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def replacement(self) -> "Pod":
        """The pod that replaces this one; it keeps the name only in a StatefulSet."""
        is_stable = self.workload.kind == "StatefulSet"
        name = self.name if is_stable else _random_name(self.workload)
        return Pod(self.workload, name, self.address, self.ports)


def create_pods(workloads: Iterable[Workload], network: str) -> list[Pod]:
    """Create a pod for each replica; `network` is the first three octets of their addresses."""
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


def random_name_part() -> str:
    """Five letters that make a pod's name unique."""
    return "".join(random.choices(_ALPHABET, k=5))  # noqa: S311 - a name, no secret


def target_groups(pods: Sequence[Pod], namespace: str) -> list[dict[str, Any]]:
    """The labels of Kubernetes pod discovery as file_sd target groups, one for each port."""
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


def dns_names(manifests: Manifests, pods: Sequence[Pod]) -> dict[str, list[str]]:
    """The addresses of each DNS name that the Services define in a cluster."""
    known: dict[str, list[str]] = {}
    for service in manifests.services:
        behind = [pod for pod in pods if pod.workload.name == service.selects]
        for name, addresses in _dns_records(service, behind).items():
            for suffix in ("", ".NS", ".NS.svc", ".NS.svc.cluster.local"):
                known[name + suffix.replace("NS", manifests.namespace)] = addresses
    return known


def _dns_records(service: Service, pods: Sequence[Pod]) -> Mapping[str, list[str]]:
    addresses = [pod.address for pod in pods]
    if not service.is_headless:
        return {service.name: addresses[:1]}
    each = {f"{pod.name}.{service.name}": [pod.address] for pod in pods}
    return {service.name: addresses, **each}


def _random_name(workload: Workload) -> str:
    return f"{workload.name}-{workload.template_hash}-{random_name_part()}"


def _ports(containers: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, int]]:
    for container in containers:
        for port in container.get("ports", []):
            yield container["name"], port["name"], port["containerPort"]
