"""The pipeline's roles may make every look-up that the program makes."""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest

from components.aws.permissions import ALARMS_ALIAS
from tests.support.aws import ISSUER, WORKSPACE, arn
from tests.support.recording import STACKS, Recording, run_stack, run_values, stack_values

ON_EKS = [
    stack for stack in STACKS if "eks" in stack_values(stack)["vaultmesh:settings"]["cluster"]
]
ALL_PARTS: Mapping[str, Any] = {
    "managedPrometheus": {"workspace": WORKSPACE},
    "deadMansSwitch": True,
    "healthChecks": {"endpoints": {"grafana": "https://grafana.example.com"}},
    "alarmsBy": "https",
    "permissionsBoundary": "vaultmesh-workloads",
}
"""All AWS parts, with the workspace of another stack."""


class Need(NamedTuple):
    """An action that the AWS provider calls, its resource, and what conditions can know of it."""

    action: str
    resource: str
    known: Mapping[str, str] = {}


def needs(token: str, args: Mapping[str, Any]) -> Iterator[Need]:
    """What a look-up needs, by the source of the AWS provider's data source."""
    match token.rpartition(":")[2]:
        case "getCallerIdentity" | "getRegion":
            return  # AWS lets everybody ask who they are; the region is the provider's own.
        case "getCluster":
            yield Need("eks:DescribeCluster", arn("eks", f"cluster/{args['name']}"))
        case "getPolicy":
            yield Need("iam:GetPolicy", args["arn"])
            yield Need("iam:GetPolicyVersion", args["arn"])
        case "getAlias":
            key = arn("kms", "key/00000000-0000-0000-0000-000000000000", region=args["region"])
            yield Need("kms:ListAliases", "*")
            yield Need("kms:DescribeKey", key, {"kms:ResourceAliases": ALARMS_ALIAS})
        case "getOpenIdConnectProvider":
            yield Need("iam:ListOpenIDConnectProviders", "*")
            provider = arn("iam", f"oidc-provider/{ISSUER}", region="")
            yield Need("iam:GetOpenIDConnectProvider", provider)
        case "getWorkspace":
            yield Need("aps:DescribeWorkspace", arn("aps", f"workspace/{args['workspaceId']}"))
        case _:
            raise AssertionError(f"say here what the look-up {token} needs")


def allows(block: Mapping[str, Any], need: Need) -> bool:
    conditions = block.get("Condition", {}).values()
    return (
        need.action in block["Action"]
        and any(fnmatchcase(need.resource, pattern) for pattern in block["Resource"])
        and all(need.known.get(key) == value for one in conditions for key, value in one.items())
    )


def look_ups(stack: str, identity: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Those of the stack with its own AWS parts, and of one that has all."""
    values = stack_values(stack)
    values["vaultmesh:settings"]["aws"] = {**ALL_PARTS, "identity": identity}
    return run_stack(stack).look_ups + run_values(values, stack=stack).look_ups


@pytest.fixture(scope="module")
def statements() -> Mapping[str, list[Mapping[str, Any]]]:
    """Role of the pipeline -> what it may do."""
    account: Recording = run_stack("account")
    return {
        found.name: json.loads(found.inputs["policy"])["Statement"]
        for found in account.resources
        if found.kind == "RolePolicy"
    }


@pytest.mark.parametrize("identity", ["pod-identity", "irsa"])
@pytest.mark.parametrize("stack", ON_EKS)
def test_previews_and_deployments_may_make_every_look_up(
    statements: Mapping[str, list[Mapping[str, Any]]], stack: str, identity: str
) -> None:
    made = look_ups(stack, identity)
    assert {"getCluster", "getPolicy"} <= {token.rpartition(":")[2] for token, _ in made}
    for need in (need for token, args in made for need in needs(token, args)):
        for role in ("preview", f"deploy-{stack}"):
            allowed = any(allows(block, need) for block in statements[role])
            assert allowed, f"{role} may not {need.action} on {need.resource}"
