"""`make verify` on the node: green, and red beside what is broken, with what to do."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from components.pods import NAME_LABEL
from ops.verification import CONFIG_MAP, Verification
from ops.verify.command import CANNOT_ASK, GREEN, SOME_RED
from ops.verify.rows import State
from tests.support.node import STACK, Deployed
from tests.support.picture import drawn_edges
from tests.support.waiting import wait_for
from toolchain import stacks

LIMIT_SECONDS = 240
Rows = dict[tuple[str, str], dict[str, Any]]


def run_verify(deployed: Deployed, *arguments: str) -> subprocess.CompletedProcess[str]:
    run = stacks.verification(STACK, list(arguments), root=deployed.project.root)
    return subprocess.run(
        run.command,
        cwd=run.root,
        env=run.environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )


def verify(deployed: Deployed, seconds: int, *arguments: str) -> tuple[int, Rows]:
    """Exit code, and the rows by check and subject."""
    ended = run_verify(deployed, "--json", f"--timeout={seconds}", *arguments)
    assert ended.returncode != CANNOT_ASK, ended.stderr
    rows = json.loads(ended.stdout)["rows"]
    return ended.returncode, {(row["check"], row["subject"]): row for row in rows}


@pytest.fixture(scope="module")
def healthy(deployed: Deployed) -> Rows:
    """The rows of the platform as `up` has left it, with a test page."""
    code, rows = verify(deployed, 100, "--test-page")
    assert code == GREEN, [row for row in rows.values() if row["state"] == State.RED]
    return rows


def reds(rows: Rows) -> set[tuple[str, str]]:
    return {key for key, row in rows.items() if row["state"] == State.RED}


def test_every_arrow_of_the_picture_is_proved(healthy: Rows):
    proved = {s for (c, s), row in healthy.items() if c == "edges" and row["state"] == State.GREEN}
    aws = {"pod-identity-agent", "managed-prometheus", "sns"}
    outside = {"slack", "pagerduty", "heartbeat", "people", *aws}
    drawn = {f"{a} -> {b}" for a, b in drawn_edges() if not {a, b} & outside}
    assert proved == drawn


def test_every_check_is_made_on_a_cluster(healthy: Rows):
    assert {check for check, _ in healthy} == {
        *("rollout", "configuration", "rules", "targets", "watchdog"),
        *("dashboards", "data sources", "policies", "DNS", "edges", "denied", "test page"),
    }


def test_nothing_that_it_makes_stays(healthy: Rows, deployed: Deployed):
    assert not deployed.objects("jobs", "--selector=vaultmesh.dev/verify")


def test_the_cluster_keeps_the_result_for_the_status_report(healthy: Rows, deployed: Deployed):
    kept = {one["metadata"]["name"]: one["data"] for one in deployed.objects("configmaps")}
    result = Verification.read(kept[CONFIG_MAP])
    assert (result.checks, result.red) == (len(healthy), 0)


OPEN_DOOR = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "open-door"},
    "spec": {
        "podSelector": {"matchLabels": {NAME_LABEL: "harbinger"}},
        "policyTypes": ["Ingress"],
        "ingress": [{}],
    },
}
"""A policy that lets everybody reach harbinger."""
CUT = "scheduler-to-psi-field"


@pytest.fixture(scope="module")
def broken(healthy: Rows, deployed: Deployed) -> Iterator[Rows]:
    """The rows without one policy, with one too many, and with a workload that has no pod."""
    namespace = f"--namespace={deployed.namespace}"
    policy = json.loads(deployed.kubectl("get", "networkpolicy", CUT, "--output=json"))
    policy["metadata"] = {"name": CUT}
    deployed.kubectl("delete", "networkpolicy", CUT)
    try:
        given = json.dumps(OPEN_DOOR)
        deployed.node.kubectl(namespace, "create", "--filename=-", given=given)
        deployed.kubectl("scale", "deployment/kube-state-metrics", "--replicas=0")
        wait_for(lambda: in_force(deployed), "the node's firewall has changed")
        code, rows = verify(deployed, 0)
        assert code == SOME_RED
        yield rows
    finally:
        deployed.kubectl("scale", "deployment/kube-state-metrics", "--replicas=1")
        deployed.kubectl("delete", "networkpolicy", "open-door")
        given = json.dumps(policy)
        deployed.node.kubectl(namespace, "create", "--filename=-", given=given)
        deployed.kubectl("rollout", "status", "deployment/kube-state-metrics")


def in_force(deployed: Deployed) -> bool:
    """Whether kube-router has taken note of both changed policies."""
    rules = deployed.node.run("iptables-save")
    return CUT not in rules and "open-door" in rules


@pytest.mark.parametrize(
    ("check", "subject", "detail", "remedy"),
    [
        ("rollout", "deployment/kube-state-metrics", "has 0 replicas, the stack says 1", "up"),
        ("policies", CUT, "does not exist", "pulumi up"),
        ("policies", "open-door", "is not the stack's", "delete networkpolicy open-door"),
        ("edges", "scheduler -> psi-field", "psi-field.aurora-node.svc:8000: ", CUT),
        ("denied", "aurora-treaty", "connects to harbinger-", "enforce"),
        ("denied", "soak-heartbeat", "connects to harbinger-", "enforce"),
    ],
)
def test_each_break_is_red_and_says_what_to_do(
    broken: Rows, check: str, subject: str, detail: str, remedy: str
):
    row = broken[check, subject]
    assert (row["state"], detail in row["detail"]) == (State.RED, True), row
    assert remedy in row["remedy"]


def test_what_is_not_broken_stays_green(broken: Rows):
    assert broken["edges", "scheduler -> aurora-treaty"]["state"] == State.GREEN
    assert {check for check, _ in reds(broken)} <= {
        *("rollout", "policies", "edges", "denied", "targets"),
    }


def test_a_cluster_that_can_t_be_asked_is_one_line(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KUBECONFIG", "/dev/null")
    ended = run_verify(deployed, "--timeout=0")
    assert (ended.returncode, ended.stdout) == (CANNOT_ASK, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith("error: ")
