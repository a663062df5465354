"""AWS accepts what the program declares, as far as its services' own models can tell."""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

import pytest

from tests.support.aws_models import APIS, model, problems_of
from tests.support.aws_policies import EXCEPTIONS, NEWER_ACTIONS, Document, documents, findings
from tests.support.recording import (
    ALL_STACKS,
    STACKS,
    Declared,
    Recording,
    run_stack,
    run_values,
    stack_values,
)

LONGEST = 10_240
"""AWS limits the inline policies of a role to as many characters, not counting white space."""


EVERYTHING: Mapping[str, Any] = {
    "managedPrometheus": {},
    "deadMansSwitch": True,
    "healthChecks": {"endpoints": {"grafana": "https://grafana.example.com:8443/api/health?a=b"}},
    "alarmsBy": "https",
    "permissionsBoundary": "vaultmesh-workloads",
}
"""The settings of all AWS parts."""


def with_everything(identity: str) -> Recording:
    values = stack_values("production")
    values["vaultmesh:settings"]["aws"] = {**EVERYTHING, "identity": identity}
    return run_values(values)


@pytest.fixture(scope="module")
def resources(recordings: Mapping[str, Recording]) -> list[Declared]:
    """Every AWS resource that some stack declares, or one that has all AWS parts."""
    others = [stack for stack in ALL_STACKS if stack not in STACKS]
    more = [*map(run_stack, others), *map(with_everything, ("pod-identity", "irsa"))]
    return [
        resource
        for recording in [*recordings.values(), *more]
        for resource in recording.resources
        if resource.type.startswith("aws:")
    ]


@pytest.fixture(scope="module")
def policies(resources: list[Declared]) -> list[Document]:
    return [document for resource in resources for document in documents(resource)]


def test_every_input_fits_the_model_of_its_service(resources: list[Declared]) -> None:
    wrong = {f"{found.type} {found.name}": problems_of(found) for found in resources}
    assert not {place: problems for place, problems in wrong.items() if problems}


def test_every_operation_of_the_table_is_used(resources: list[Declared]) -> None:
    assert APIS.keys() == {resource.type for resource in resources}


def changed(resources: list[Declared], kind: str, **inputs: Any) -> list[str]:
    """The problems of the first resource of a kind with these inputs."""
    found = next(resource for resource in resources if resource.kind == kind)
    return problems_of(replace(found, inputs={**found.inputs, **inputs}))


@pytest.mark.parametrize(
    ("kind", "inputs", "problem"),
    [
        ("Repository", {"name": "Upper/Case"}, "does not match"),
        ("Repository", {"name": "a"}, "less than 2 characters"),
        ("Repository", {"imageTagMutability": "NEVER"}, "is not one of MUTABLE, IMMUTABLE"),
        ("Repository", {"encryptionConfigurations": [{}]}, "encryptionType: missing"),
        ("Repository", {"encryptionConfigurations": [{}, {}]}, "where one fits"),
        ("Repository", {"imageScanningConfiguration": {"scan": True}}, "scan: unknown"),
        ("Repository", {"scanOnPush": True}, "no operation takes the input scanOnPush"),
        ("Role", {"name": "x" * 65}, "more than 64 characters"),
        ("Role", {"path": "no-slashes"}, "does not match"),
        ("Key", {"rotationPeriodInDays": 10.0}, "10.0: less than 90"),
        ("Key", {"rotationPeriodInDays": 90.5}, "is not a whole number"),
        ("Key", {"region": "eu-west-9"}, "no region eu-west-9"),
        ("Alias", {"name": 7}, "is not text"),
        ("HealthCheck", {"regions": ["us-east-1", "eu-west-1"]}, "2 entries: less than 3"),
        ("HealthCheck", {"regions": ["us-east-1", "eu-west-1", "eu-central-1"]}, "is not one of"),
        ("MetricAlarm", {"comparisonOperator": "Less"}, "is not one of"),
        ("OpenIdConnectProvider", {"clientIdLists": [""]}, "less than 1 characters"),
    ],
)
def test_a_wrong_input_is_noticed(
    resources: list[Declared], kind: str, inputs: dict[str, Any], problem: str
) -> None:
    assert [line for line in changed(resources, kind, **inputs) if problem in line]


def test_a_resource_that_the_table_lacks_is_noticed() -> None:
    (problem,) = problems_of(Declared("aws:s3/bucket:Bucket", "stray", {}, ""))
    assert problem.startswith("aws:s3/bucket:Bucket is not in")


def test_no_policy_has_a_finding_outside_the_exceptions(policies: list[Document]) -> None:
    assert policies
    found = [finding for document in policies for finding in findings(document)]
    assert not [finding for finding in found if not any(one.covers(finding) for one in EXCEPTIONS)]
    for exception in EXCEPTIONS:
        assert any(map(exception.covers, found)), f"remove this exception: {exception}"


def test_parliament_knows_no_newer_action_and_the_services_model_does() -> None:
    for action, service in NEWER_ACTIONS.items():
        block = {"Effect": "Allow", "Action": [action, "iam:Nonsense"], "Resource": "*"}
        assert action.partition(":")[2] in model(service).operation_names
        (unknown,) = findings(Document("test", "identity", [block]))
        assert "iam:Nonsense" in unknown.detail


def test_every_policy_names_actions_and_allows_nothing_by_negation(
    policies: list[Document],
) -> None:
    for document in policies:
        for block in document.statements:
            assert not {"NotAction", "NotResource", "NotPrincipal"} & block.keys(), document.place
            assert not [action for action in block["Action"] if "*" in action], document.place


@pytest.mark.parametrize(
    ("block", "issue"),
    [
        ({"Action": ["sns:Publsh"], "Resource": "*"}, "UNKNOWN_ACTION"),
        ({"Action": ["sns:Publish"], "Resource": "*"}, "RESOURCE_STAR"),
        ({"Action": ["sns:Publish"], "Resource": "arn:aws:sqs:::x"}, "RESOURCE_MISMATCH"),
        ({"Action": ["iam:PassRole"], "Resource": "arn:aws:iam::1:role/*"}, "INVALID_ARN"),
    ],
)
def test_a_wrong_policy_is_noticed(block: dict[str, Any], issue: str) -> None:
    found = findings(Document("test", "identity", [{"Effect": "Allow", **block}]))
    assert issue in {finding.issue for finding in found}


def test_the_boundary_allows_what_the_roles_of_pods_may_do(resources: list[Declared]) -> None:
    (boundary,) = [found for found in resources if found.type == "aws:iam/policy:Policy"]
    (limits,) = documents(boundary)
    roles = {found.name for found in resources if found.kind == "Role" and "path" in found.inputs}
    assert {"prometheus-server", "alertmanager", "grafana"} <= roles
    for resource in resources:
        if resource.kind == "RolePolicy" and resource.name in roles:
            for block in next(documents(resource)).statements:
                for action, target in product(block["Action"], block["Resource"]):
                    assert any(
                        action in limit["Action"] and fnmatchcase(target, pattern)
                        for limit in limits.statements
                        for pattern in limit["Resource"]
                    ), f"the boundary keeps {resource.name} from {action} on {target}"


def test_no_role_has_a_longer_policy_than_aws_accepts(resources: list[Declared]) -> None:
    lengths: dict[str, int] = {}
    for resource in resources:
        if resource.kind == "RolePolicy":
            text = "".join(resource.inputs["policy"].split())
            role = resource.inputs["role"]
            lengths[role] = lengths.get(role, 0) + len(text)
    assert lengths
    assert not {role: length for role, length in lengths.items() if length > LONGEST}
