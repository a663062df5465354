"""A workload's IAM role: only its own pods can assume it, and they start after it is complete."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components.aws.identity import (
    IdentityKind,
    Statement,
    WorkloadRole,
    WorkloadRoleArgs,
    find_identity,
)
from tests.support.aws import ACCOUNT, ISSUER, arn
from tests.support.recording import Recording, record

TOPIC = arn("sns", "heartbeat")
CLUSTER = arn("eks", "cluster/aurora")
BOUNDARY = arn("iam", "policy/limits", region="")


def role(kind: IdentityKind, *, has_pods: bool = True) -> Recording:
    def program() -> WorkloadRole:
        args = WorkloadRoleArgs(
            identity=find_identity(kind, "aurora"),
            namespace=pulumi.Output.from_input("space"),
            path="/vaultmesh/test/",
            boundary=BOUNDARY,
            has_pods=has_pods,
            statements=[Statement(actions=["sns:Publish"], resources=[TOPIC])],
        )
        return WorkloadRole("server", args)

    return record(program)


def inputs(recording: Recording, kind: str) -> Mapping[str, Any]:
    (found,) = [found.inputs for found in recording.resources if found.kind == kind]
    return found


def trust(recording: Recording) -> dict[str, Any]:
    (statement,) = json.loads(inputs(recording, "Role")["assumeRolePolicy"])["Statement"]
    return statement


@pytest.mark.parametrize(
    ("kind", "has_pods", "waits"),
    [("pod-identity", True, ["server"]), ("pod-identity", False, []), ("irsa", True, [])],
)
def test_up_waits_until_an_association_takes_effect_if_pods_follow(
    kind: IdentityKind, has_pods: bool, waits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[str] = []
    monkeypatch.setattr("components.aws.identity._wait_until_effective", waited.append)
    role(kind, has_pods=has_pods)
    assert waited == waits


def test_a_boundary_limits_the_role() -> None:
    assert inputs(role("pod-identity"), "Role")["permissionsBoundary"] == BOUNDARY


def test_pod_identity_is_trusted_for_one_cluster_namespace_and_service_account() -> None:
    assert trust(role("pod-identity")) == {
        "Sid": "Pods",
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:SourceAccount": ACCOUNT,
                "aws:RequestTag/eks-cluster-arn": CLUSTER,
                "aws:RequestTag/kubernetes-namespace": "space",
                "aws:RequestTag/kubernetes-service-account": "server",
            },
            "ArnEquals": {"aws:SourceArn": CLUSTER},
        },
    }


def test_the_clusters_own_tokens_are_trusted_for_one_service_account() -> None:
    assert trust(role("irsa")) == {
        "Sid": "Pods",
        "Effect": "Allow",
        "Principal": {"Federated": arn("iam", f"oidc-provider/{ISSUER}", region="")},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {
            "StringEquals": {
                f"{ISSUER}:sub": "system:serviceaccount:space:server",
                f"{ISSUER}:aud": "sts.amazonaws.com",
            }
        },
    }


@pytest.mark.parametrize("kind", ["pod-identity", "irsa"])
def test_the_role_may_do_what_its_statements_say_and_nothing_else(kind: IdentityKind) -> None:
    recording = role(kind)
    policy = json.loads(inputs(recording, "RolePolicy")["policy"])
    assert policy["Statement"] == [
        {"Sid": "Work1", "Effect": "Allow", "Action": ["sns:Publish"], "Resource": [TOPIC]}
    ]
    attached = {found.kind for found in recording.resources} - {"WorkloadRole"}
    association = {"PodIdentityAssociation"} if kind == "pod-identity" else set()
    assert attached == {"Role", "RolePolicy"} | association


def test_the_association_gives_the_role_to_the_service_account_that_it_trusts() -> None:
    recording = role("pod-identity")
    association = dict(inputs(recording, "PodIdentityAssociation"))
    assert association == {
        "clusterName": "aurora",
        "namespace": "space",
        "serviceAccount": "server",
        "roleArn": arn("iam", "role/vaultmesh/test/server", region=""),
    }


@pytest.mark.parametrize(
    ("kind", "key"),
    [("pod-identity", "vaultmesh.io/aws-role"), ("irsa", "eks.amazonaws.com/role-arn")],
)
def test_pods_wait_for_all_parts_of_the_role(kind: IdentityKind, key: str) -> None:
    recording = role(kind)
    annotation = recording.result.annotations[key]
    found: dict[str, Any] = {}

    @pulumi.runtime.test
    def resolve() -> pulumi.Output[None]:
        async def parts() -> None:
            resources = await annotation.resources()
            found["parts"] = {type(resource).__name__ for resource in resources}
            found["arn"] = await annotation.future()

        return pulumi.Output.from_input(parts())

    resolve()
    assert found["arn"] == arn("iam", "role/vaultmesh/test/server", region="")
    declared = {resource.kind for resource in recording.resources} - {"WorkloadRole"}
    assert found["parts"] == declared
