"""The node enforces the NetworkPolicies: a connection passes if README's picture has its arrow.

Every pod tries every port on which another pod listens, from inside its own network namespace.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest

from components.kit import RELOADER_PORT_NAME
from components.pods import HTTP, NAME_LABEL
from tests.support import attempts
from tests.support.node import Deployed
from tests.support.node_pods import is_of_a_job, is_ready, running_containers, server_pods
from tests.support.picture import drawn_edges
from tests.support.waiting import wait_for
from toolchain.node.cluster import Node
from toolchain.node.layout import ADDRESS, API_PORT, API_SERVICE, DNS_SERVICE, PAUSE_IMAGE

API = {f"{API_SERVICE}:443", f"{ADDRESS}:{API_PORT}"}
HOST_DNS = f"{ADDRESS}:53"
"""Where a name server on the node listens, as in EKS Auto Mode or with NodeLocal DNSCache."""
DNS = {f"{DNS_SERVICE}:53", f"dns:{DNS_SERVICE}", HOST_DNS}
READY_SECONDS = 120
KUBELET = f"{ADDRESS}:10250"
STRANGER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "stranger",
        "namespace": "default",
        "labels": {NAME_LABEL: "prometheus-server"},
    },
    "spec": {"containers": [{"name": "pause", "image": PAUSE_IMAGE}]},
}
"""A pod of another namespace, with the labels of the pods that have the most arrows."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod; `component` is its name in the picture.

    `ports` are those on which it listens, with the names that the pod gives them, if any;
    `process` is one inside of its network namespace.
    """

    name: str
    namespace: str
    component: str
    address: str
    process: str
    ports: Mapping[int, str | None]

    def addresses(self) -> set[str]:
        """Where it listens."""
        return {f"{self.address}:{port}" for port in self.ports}


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """The addresses that each pod has reached, by the pod's name, of all that have been tried."""

    pods: list[Pod]
    stranger: Pod
    elsewhere: set[str]
    """Where the name server and the kubelet listen, apart from the port that answers queries."""
    reached: dict[str, set[str]]


@pytest.fixture(scope="module")
def attempted(deployed: Deployed) -> Iterator[Attempts]:
    """Every pod has tried everything; resting pods stand in for those of the CronJobs."""
    node = deployed.node
    wait_for(lambda: all(map(is_ready, server_pods(deployed))), "all pods are ready", READY_SECONDS)
    added = [STRANGER, *(resting_pod(job) for job in deployed.objects("cronjobs"))]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": added})
    try:
        node.kubectl("create", "--filename=-", given=manifest)
        node.kubectl("wait", "--for=condition=Ready", "--filename=-", given=manifest)
        everyone = inspect_all(node, (deployed.namespace, "default", "kube-system"))
        pods = [pod for pod in everyone if pod.namespace == deployed.namespace]
        [stranger] = [pod for pod in everyone if pod.name == STRANGER["metadata"]["name"]]
        [name_server] = [pod for pod in everyone if pod.namespace == "kube-system"]
        sources = [*pods, stranger]
        wait_for(lambda: filtered(node, sources), "all pods have a firewall")
        elsewhere = name_server.addresses() - {f"{name_server.address}:53"} | {KUBELET}
        addresses = API | DNS | elsewhere | {a for pod in pods for a in pod.addresses()}
        with host_name_server(node), ThreadPoolExecutor() as threads:
            answers = threads.map(lambda pod: reached(node, pod, addresses), sources)
            found = {pod.name: answer for pod, answer in zip(sources, answers, strict=True)}
        yield Attempts(pods=pods, stranger=stranger, elsewhere=elsewhere, reached=found)
    finally:
        options = ("--ignore-not-found", "--force", "--grace-period=0")
        node.kubectl("delete", *options, "--filename=-", given=manifest)


def test_a_connection_passes_if_and_only_if_the_picture_has_its_arrow(attempted: Attempts):
    drawn, wrong = drawn_edges(), []
    assert {pod.component for pod in attempted.pods} <= {end for edge in drawn for end in edge}
    for source, target in permutations(attempted.pods, 2):
        edge = (source.component, target.component)
        served = {"gossip-tcp"} if edge == ("alertmanager", "alertmanager") else {HTTP}
        if source.component == "prometheus-server":
            served.add(RELOADER_PORT_NAME)
        for port, name in target.ports.items():
            passes = f"{target.address}:{port}" in attempted.reached[source.name]
            if passes != (edge in drawn and name in served):
                verdict = "passes" if passes else "is refused"
                wrong.append(f"{source.name} -> {target.name}, port {port} ({name}): {verdict}")
    assert wrong == []


def test_only_pods_with_an_arrow_to_the_kubernetes_api_reach_it(attempted: Attempts):
    allowed = {source for source, target in drawn_edges() if target == "kubernetes-api"}
    for pod in attempted.pods:
        expected = API if pod.component in allowed else set()
        assert attempted.reached[pod.name] & API == expected, pod.name


def test_every_pod_can_ask_the_name_server(attempted: Attempts):
    for pod in attempted.pods:
        assert attempted.reached[pod.name] >= DNS, pod.name


def test_no_pod_reaches_other_programs_outside_of_the_namespace(attempted: Attempts):
    for pod in attempted.pods:
        assert not attempted.reached[pod.name] & attempted.elsewhere, pod.name


def test_a_pod_of_another_namespace_reaches_none_of_the_namespaces_pods(attempted: Attempts):
    # It has no policy of its own, so it reaches all the rest: the attempts work.
    outside = API | DNS | attempted.elsewhere
    assert attempted.reached[attempted.stranger.name] == outside


def resting_pod(cron_job: dict[str, Any]) -> dict[str, Any]:
    """A pod like those of the CronJob, whose program does nothing and does not end."""
    template = cron_job["spec"]["jobTemplate"]["spec"]["template"]
    [container] = template["spec"]["containers"]
    resting = {key: value for key, value in container.items() if key != "command"}
    name, namespace = cron_job["metadata"]["name"], cron_job["metadata"]["namespace"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": f"{name}-resting", "namespace": namespace},
        "spec": {**template["spec"], "containers": [{**resting, "image": PAUSE_IMAGE}]},
    }


def inspect_all(node: Node, namespaces: Iterable[str]) -> list[Pod]:
    """Every running pod of the namespaces, apart from runs of CronJobs."""
    found = {
        pod["metadata"]["name"]: pod
        for namespace in namespaces
        for pod in json.loads(
            node.kubectl(f"--namespace={namespace}", "get", "pods", "--output=json")
        )["items"]
        if not is_of_a_job(pod)
    }
    inside = {one.pod: one.process for one in running_containers(node, found.values())}
    with ThreadPoolExecutor() as threads:
        return list(threads.map(lambda name: inspect(node, found[name], inside[name]), inside))


def inspect(node: Node, pod: dict[str, Any], process: str) -> Pod:
    """Look up where the pod's programs listen; what listens on loopback alone doesn't count."""
    sockets = enter(node, process, "ss", "--no-header", "--tcp", "--listening", "--numeric")
    listening = [line.split()[3].rpartition(":") for line in sockets.splitlines()]
    named = {
        port["containerPort"]: port["name"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if port["protocol"] == "TCP"
    }
    return Pod(
        name=pod["metadata"]["name"],
        namespace=pod["metadata"]["namespace"],
        component=pod["metadata"]["labels"].get(NAME_LABEL, ""),
        address=pod["status"]["podIP"],
        process=process,
        ports={
            int(port): named.get(int(port))
            for address, _, port in listening
            if not address.startswith(("127.", "[::1]"))
        },
    )


def filtered(node: Node, pods: list[Pod]) -> bool:
    """Whether kube-router filters the traffic of all these pods; new ones wait for their turn."""
    rules = node.run("iptables-save")
    return all(f"-s {pod.address}/32" in rules for pod in pods)


@contextmanager
def host_name_server(node: Node) -> Iterator[None]:
    """A listener on the node's own address and the port of name servers."""
    first = node.folder.first_process.read_text()
    host, port = HOST_DNS.split(":")
    listener = f"import socket, time; s = socket.create_server(({host!r}, {port})); time.sleep(600)"
    command = ["nsenter", f"--target={first}", "--net", "--", sys.executable, "-c", listener]
    with subprocess.Popen(command) as process:
        try:
            wait_for(
                lambda: HOST_DNS in node.run("ss", "--tcp", "--listening", "--numeric"),
                "the node's name server listens",
            )
            yield
        finally:
            process.kill()


def reached(node: Node, pod: Pod, addresses: set[str]) -> set[str]:
    """Those of the addresses to which the pod can connect."""
    answer = enter(node, pod.process, sys.executable, attempts.__file__, *sorted(addresses))
    return {address for address, made in json.loads(answer).items() if made}


def enter(node: Node, process: str, *command: str) -> str:
    """Run a command in the network namespace of the process; returns what it prints."""
    return node.run("nsenter", f"--net=/proc/{process}/ns/net", *command)
