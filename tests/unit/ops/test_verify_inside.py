"""What is tried from inside of pods: the plan of each source, and the program that tries."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ops.verify import attempts
from ops.verify.inside import can_try, plan
from ops.verify.policies import departures, edges
from tests.support.loopback import unused_address
from tests.support.recording import NAME_LABEL, Recording
from tests.support.verify import FakePlatform, node_manifests


@pytest.mark.parametrize("stack", ["local", "node", "staging", "production"])
def test_the_edges_are_those_of_the_policies(stack: str, recordings: dict[str, Recording]) -> None:
    recorded = recordings[stack]
    policies = {one["metadata"]["name"]: one["spec"] for one in recorded.all("NetworkPolicy")}
    found = {(edge.source, edge.target, edge.port) for edge in edges(policies)}
    assert found == recorded.edges()
    named = {edge.policy for edge in edges(policies)}
    leaving = {f"{one.source}-to-{one.target}" for one in departures(policies)}
    general = {"default-deny", "pods-to-dns", "pods-to-pods"}
    assert named | leaving | general == policies.keys()
    assert not named & leaving


def test_a_policy_whose_name_has_two_readings_tells_its_ends() -> None:
    def named(name: str) -> dict[str, Any]:
        return {"matchLabels": {NAME_LABEL: name}}

    calls = {"from": [{"podSelector": named("a-to")}], "ports": [{"port": 80}]}
    policies = {
        "a-to.to.b": {"podSelector": named("b"), "ingress": [calls]},
        "a-to-b.to.c-to-d": {"podSelector": named("a-to-b"), "egress": [{}]},
    }
    [edge] = edges(policies)
    assert (edge.source, edge.target, edge.policy) == ("a-to", "b", "a-to.to.b")
    [leaving] = departures(policies)
    assert (leaving.source, leaving.target) == ("a-to-b", "c-to-d")


def test_each_source_tries_all_ports_of_all_other_pods() -> None:
    manifests, pods = node_manifests(), FakePlatform().pods()
    allowed = edges(manifests.policies)
    able = [one for one in (*manifests.workloads, *manifests.cron_jobs) if can_try(one)]
    assert {one.name for one in able} == {
        *("psi-field", "aurora-treaty", "scheduler", "harbinger"),
        *("synthetic-feeder", "soak-heartbeat"),
    }
    for source in able:
        planned = plan(source, manifests, allowed, pods)
        tried = {a for addresses in planned.open.values() for a in addresses} | {*planned.closed}
        others = {
            f"[{pod.status.pod_ip}]:{port['containerPort']:.0f}"
            for pod in pods
            if pod.workload != source.name
            for container in pod.spec.containers
            for port in container.get("ports", ())
            if port.get("protocol", "TCP") == "TCP"
        }
        assert tried >= others
        assert {edge for edge in allowed if edge.source == source.name} == planned.open.keys()


def run_attempts(**wanted: list[str]) -> dict[str, Any]:
    given = json.dumps({"names": [], "open": [], "closed": [], **wanted})
    text = Path(attempts.__file__).read_text(encoding="utf-8")
    impatient = text.replace("PATIENCE_SECONDS = 15.0", "PATIENCE_SECONDS = 0.0")
    command = [sys.executable, "-c", impatient, given]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def test_what_answers_has_no_reason_and_what_does_not_has_one() -> None:
    closed = unused_address()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answering = [f"{host}:{port}" for host in ("127.0.0.1", "[127.0.0.1]", "localhost")]
        found = run_attempts(
            names=["localhost", "no-such-name.invalid"],
            open=[*answering, closed],
            closed=[closed, answering[0]],
        )
    assert found["names"] == {
        "localhost": None,
        "no-such-name.invalid": "the name is unknown",
    }
    assert found["open"] == {**dict.fromkeys(answering), closed: "Connection refused"}
    assert found["closed"] == {closed: "Connection refused", answering[0]: None}
