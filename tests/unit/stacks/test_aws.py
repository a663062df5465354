"""The AWS parts: switched on by the settings, reached by their callers alone, free for the rest."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.aws import WORKSPACE
from tests.support.recording import ROOT, STACKS, Recording, run_values, stack_values
from tests.support.refusals import refusals

CALLERS = {"prometheus-server", "grafana"}


def values(**aws: Any) -> dict[str, Any]:
    found = stack_values("staging")
    found["vaultmesh:settings"]["aws"] = {"managedPrometheus": {}, **aws}
    return found


@pytest.fixture(scope="module", params=["pod-identity", "irsa"])
def identity(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def on_aws(identity: str) -> Recording:
    return run_values(values(identity=identity))


def leaving(recording: Recording) -> dict[str, Any]:
    """The egress rule of every policy whose target is outside the namespace, by its name."""
    return {
        policy["metadata"]["name"]: policy["spec"]["egress"][0]
        for policy in recording.all("NetworkPolicy")
        if policy["spec"].get("egress") and policy["spec"]["podSelector"].get("matchLabels")
    }


def test_every_server_that_calls_aws_has_a_role_and_wears_it(
    on_aws: Recording, identity: str
) -> None:
    key = "vaultmesh.io/aws-role" if identity == "pod-identity" else "eks.amazonaws.com/role-arn"
    roles = {
        found.name for found in on_aws.resources if found.kind == "Role" if "aws" in found.type
    }
    assert roles == CALLERS
    for name, template in on_aws.pods():
        account = on_aws.one("ServiceAccount", name)["metadata"].get("annotations") or {}
        pod = template["metadata"].get("annotations") or {}
        assert (key in account, key in pod) == (name in roles, name in roles), name
        assert account.get(key) == pod.get(key)


def test_callers_reach_their_service_and_the_source_of_their_credentials(
    on_aws: Recording, identity: str
) -> None:
    without = stack_values("staging")
    del without["vaultmesh:settings"]["aws"]
    plain = leaving(run_values(without))
    added = {name: rule for name, rule in leaving(on_aws).items() if name not in plain}
    source = "pod-identity-agent" if identity == "pod-identity" else "aws-sts"
    assert added.keys() == {
        f"{caller}-to-{target}" for caller in CALLERS for target in ("managed-prometheus", source)
    }
    for name, rule in added.items():
        agent = name.endswith("agent")
        assert [port["port"] for port in rule["ports"]] == [80 if agent else 443]
        blocks = [peer["ipBlock"]["cidr"] for peer in rule.get("to", [])]
        assert blocks == (["169.254.170.23/32", "fd00:ec2::23/128"] if agent else [])


def test_the_writer_writes_and_the_reader_reads_this_workspace_alone() -> None:
    recording = run_values(values())
    policies = {
        found.name: json.loads(found.inputs["policy"])["Statement"]
        for found in recording.resources
        if found.kind == "RolePolicy"
    }
    [writing], [reading] = policies["prometheus-server"], policies["grafana"]
    assert writing["Action"] == ["aps:RemoteWrite"]
    assert not {action for action in reading["Action"] if "Write" in action or "*" in action}
    for statement in (writing, reading):
        [resource] = statement["Resource"]
        assert resource.startswith("arn:aws:aps:eu-west-1:000000000000:workspace/ws-")


@pytest.mark.parametrize(
    ("elsewhere", "region"), [({}, "eu-west-1"), ({"region": "us-west-2"}, "us-west-2")]
)
def test_a_stack_can_write_into_the_workspace_of_another(
    elsewhere: dict[str, str], region: str
) -> None:
    recording = run_values(values(managedPrometheus={"workspace": WORKSPACE, **elsewhere}))
    assert not [found for found in recording.resources if found.type.startswith("aws:amp/")]
    (target,) = recording.config("prometheus-server")["remote_write"]
    assert f"/workspaces/{WORKSPACE}/api/v1/remote_write" in target["url"]
    assert target["sigv4"]["region"] == region


def test_a_workspace_of_production_is_not_deleted_by_a_changed_setting(
    recordings: dict[str, Recording],
) -> None:
    workspace = ("Workspace", "managed-prometheus")
    assert workspace in recordings["production"].protected
    assert workspace not in recordings["staging"].protected


@pytest.mark.parametrize("stack", STACKS)
def test_only_a_stack_on_eks_imports_pulumi_aws(stack: str) -> None:
    program = (
        "import sys; from tests.support.recording import run_stack; "
        f"run_stack({stack!r}); print('pulumi_aws' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    on_eks = "eks" in stack_values(stack)["vaultmesh:settings"]["cluster"]
    assert ran.stdout.split()[-1] == str(on_eks)


def test_aws_parts_without_a_cluster_on_eks_are_refused() -> None:
    found = stack_values("local")
    found["vaultmesh:settings"]["aws"] = {}
    [line] = refusals(found)
    assert "): needs a cluster on EKS. Set cluster.eks, or remove aws." in line


@pytest.mark.parametrize(
    ("aws", "message"),
    [
        ({"identity": "keys"}, "`keys` is not allowed here. Write 'pod-identity' or 'irsa'."),
        (
            {"managedPrometheus": {"workspace": "mine"}},
            "`mine` is not the ID of a workspace. Wr",
        ),
        (
            {"managedPrometheus": {"workspace": WORKSPACE, "maxSeries": 1}},
            "belongs to the stack that owns the workspace. Remove it here.",
        ),
        (
            {"managedPrometheus": {"region": "us-west-2"}},
            "belongs to `workspace`, the ID of another stack's. Set it, or remove this.",
        ),
        ({"managedPrometheus": {"retentionDays": 4000}}, "`4000` is too large. Write 1095 or less"),
    ],
)
def test_a_wrong_setting_is_refused(aws: dict[str, Any], message: str) -> None:
    [line] = refusals(values(**aws))
    assert message in line


def test_no_workload_can_be_called_like_a_destination_in_aws() -> None:
    found = stack_values("staging")
    found["vaultmesh:settings"]["workloads"]["aws-sts"] = {"command": ["x"]}
    assert any("aws-sts is reserved for the platform" in line for line in refusals(found))
