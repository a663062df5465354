"""Judges inputs of AWS resources by the models of the services in botocore.

The model of an operation names its parameters, and their types, lengths, patterns and values.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape

from tests.support.recording import Declared

SUFFIX = "-0123456"
"""Pulumi appends as much to the name of a resource that has no `name`."""
SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi marks the wrapper of a secret."""
CLASSES = {r"\p{L}": "a-zA-Z", r"\p{N}": "0-9", r"\p{Z}": " ", r"\p{ASCII}": r"\x00-\x7f"}
"""Classes of characters in the models' patterns, as far as our texts use them."""


@dataclass(frozen=True)
class Call:
    """An operation that creates or changes a resource.

    `parameters` maps inputs of the resource to parameters of the operation, whose nested ones are
    separated by dots. `named` is the parameter that Pulumi fills if the resource has no name.
    """

    service: str
    operation: str
    parameters: Mapping[str, str]
    named: str = ""


@dataclass(frozen=True)
class Api:
    """The operations that take a resource's inputs; `local` inputs are for the provider alone."""

    calls: Sequence[Call]
    local: Sequence[str] = field(default=())


ALARM = {
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "dimensions": "Dimensions",
    "evaluationPeriods": "EvaluationPeriods",
    "metricName": "MetricName",
    "metricQueries": "Metrics",
    "name": "AlarmName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
}

HEALTH_CHECK = {
    key: f"HealthCheckConfig.{parameter}"
    for key, parameter in {
        "enableSni": "EnableSNI",
        "failureThreshold": "FailureThreshold",
        "fqdn": "FullyQualifiedDomainName",
        "measureLatency": "MeasureLatency",
        "port": "Port",
        "regions": "Regions",
        "requestInterval": "RequestInterval",
        "resourcePath": "ResourcePath",
        "type": "Type",
    }.items()
}

APIS = {
    "aws:amp/workspace:Workspace": Api(
        [Call("amp", "CreateWorkspace", {"alias": "alias", "tags": "tags"})]
    ),
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": Api(
        [
            Call(
                "amp",
                "UpdateWorkspaceConfiguration",
                {
                    "limitsPerLabelSets": "limitsPerLabelSet",
                    "retentionPeriodInDays": "retentionPeriodInDays",
                    "workspaceId": "workspaceId",
                },
            )
        ]
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Api(
        [Call("cloudwatch", "PutMetricAlarm", ALARM)], local=["region"]
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Api(
        [
            Call(
                "ecr",
                "PutLifecyclePolicy",
                {"repository": "repositoryName", "policy": "lifecyclePolicyText"},
            )
        ]
    ),
    "aws:ecr/repository:Repository": Api(
        [
            Call(
                "ecr",
                "CreateRepository",
                {
                    "name": "repositoryName",
                    "encryptionConfigurations": "encryptionConfiguration",
                    "imageScanningConfiguration": "imageScanningConfiguration",
                    "imageTagMutability": "imageTagMutability",
                },
            )
        ]
    ),
    "aws:eks/accessEntry:AccessEntry": Api(
        [
            Call(
                "eks",
                "CreateAccessEntry",
                {"clusterName": "clusterName", "principalArn": "principalArn"},
            )
        ]
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Api(
        [
            Call(
                "eks",
                "AssociateAccessPolicy",
                {
                    "accessScope": "accessScope",
                    "clusterName": "clusterName",
                    "policyArn": "policyArn",
                    "principalArn": "principalArn",
                },
            )
        ]
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Api(
        [
            Call(
                "eks",
                "CreatePodIdentityAssociation",
                {
                    "clusterName": "clusterName",
                    "namespace": "namespace",
                    "roleArn": "roleArn",
                    "serviceAccount": "serviceAccount",
                },
            )
        ]
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Api(
        [
            Call(
                "iam",
                "CreateOpenIDConnectProvider",
                {"url": "Url", "clientIdLists": "ClientIDList"},
            )
        ]
    ),
    "aws:iam/policy:Policy": Api(
        [
            Call(
                "iam",
                "CreatePolicy",
                {"description": "Description", "name": "PolicyName", "policy": "PolicyDocument"},
            )
        ]
    ),
    "aws:iam/role:Role": Api(
        [
            Call(
                "iam",
                "CreateRole",
                {
                    "assumeRolePolicy": "AssumeRolePolicyDocument",
                    "name": "RoleName",
                    "path": "Path",
                    "permissionsBoundary": "PermissionsBoundary",
                },
                named="RoleName",
            )
        ]
    ),
    "aws:iam/rolePolicy:RolePolicy": Api(
        [
            Call(
                "iam",
                "PutRolePolicy",
                {"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"},
                named="PolicyName",
            )
        ]
    ),
    "aws:kms/alias:Alias": Api(
        [Call("kms", "CreateAlias", {"name": "AliasName", "targetKeyId": "TargetKeyId"})],
        local=["region"],
    ),
    "aws:kms/key:Key": Api(
        [
            Call("kms", "CreateKey", {"description": "Description", "policy": "Policy"}),
            Call("kms", "TagResource", {"id": "KeyId", "tags": "Tags"}),
            Call(
                "kms",
                "EnableKeyRotation",
                {"id": "KeyId", "rotationPeriodInDays": "RotationPeriodInDays"},
            ),
            Call(
                "kms",
                "ScheduleKeyDeletion",
                {"id": "KeyId", "deletionWindowInDays": "PendingWindowInDays"},
            ),
        ],
        local=["enableKeyRotation", "region"],
    ),
    "aws:route53/healthCheck:HealthCheck": Api(
        [
            Call("route53", "CreateHealthCheck", HEALTH_CHECK),
            Call("route53", "ChangeTagsForResource", {"id": "ResourceId", "tags": "AddTags"}),
        ]
    ),
    "aws:sns/topic:Topic": Api(
        [
            Call(
                "sns",
                "CreateTopic",
                {
                    "kmsMasterKeyId": "Attributes.KmsMasterKeyId",
                    "name": "Name",
                    "policy": "Attributes.Policy",
                },
            )
        ],
        local=["region"],
    ),
    "aws:sns/topicSubscription:TopicSubscription": Api(
        [
            Call(
                "sns",
                "Subscribe",
                {"endpoint": "Endpoint", "protocol": "Protocol", "topic": "TopicArn"},
            )
        ],
        local=["endpointAutoConfirms", "region"],
    ),
}


def problems_of(resource: Declared) -> list[str]:
    """Why AWS would refuse the resource, as far as the models of its operations can tell."""
    api = APIS.get(resource.type)
    if api is None:
        return [f"{resource.type} is not in tests/support/aws_models.py. Add its operations there."]
    inputs = {"id": "made-up-id"}
    for key, value in resource.inputs.items():
        inputs[key] = value["value"] if isinstance(value, dict) and SECRET in value else value
    if queries := inputs.get("metricQueries"):
        inputs["metricQueries"] = list(map(as_the_service_has_it, queries))
    known = {"id", *api.local, *(key for call in api.calls for key in call.parameters)}
    problems = [f"no operation takes the input {key}" for key in sorted(inputs.keys() - known)]
    if "region" in inputs and inputs["region"] not in regions(api.calls[0].service):
        problems.append(f"{api.calls[0].service} has no region {inputs['region']}")
    for call in api.calls:
        given = {path: inputs[key] for key, path in call.parameters.items() if key in inputs}
        if given.keys() == {call.parameters.get("id")}:
            continue
        if call.named:
            given.setdefault(call.named, f"{resource.name}{SUFFIX}")
        shape = model(call.service).operation_model(call.operation).input_shape
        assert shape is not None
        problems += judge(shape, nested(given), call.operation)
    return problems


def as_the_service_has_it(query: Mapping[str, Any]) -> dict[str, Any]:
    """A query of an alarm, whose metric has another level in the service than in the provider."""
    outer = {key: value for key, value in query.items() if key != "metric"}
    if metric := dict(query.get("metric") or {}):
        statistic = {key: metric.pop(key) for key in ("period", "stat")}
        outer["metricStat"] = {**statistic, "metric": metric}
    return outer


@cache
def regions(service: str) -> frozenset[str]:
    """The regions that have the service."""
    return frozenset(botocore.session.get_session().get_available_regions(service))


@cache
def model(service: str) -> ServiceModel:
    loader = botocore.session.get_session().get_component("data_loader")
    return ServiceModel(loader.load_service_model(service, "service-2"))


def nested(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by dotted path, as nested mappings."""
    found: dict[str, Any] = {}
    for path, value in given.items():
        *above, last = path.split(".")
        level = found
        for step in above:
            level = level.setdefault(step, {})
        level[last] = value
    return found


def judge(shape: Any, value: Any, place: str) -> Iterator[str]:
    """What is wrong with a value for this shape."""
    match shape.type_name:
        case "structure":
            yield from judge_structure(shape, value, place)
        case "list":
            yield from judge_list(shape, value, place)
        case "map":
            for key, part in value.items():
                yield from judge(shape.key, key, f"{place}.{key}")
                yield from judge(shape.value, part, f"{place}.{key}")
        case "string":
            yield from judge_text(shape, value, place)
        case "integer" | "long" | "float" | "double":
            yield from judge_number(shape, value, place)
        case "boolean":
            if not isinstance(value, bool):
                yield f"{place}: {value!r} is not a boolean"
        case other:
            raise NotImplementedError(f"{place}: {other}")


def judge_structure(shape: Any, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, list):
        # The provider has a list where the service has one structure at most.
        if len(value) != 1:
            yield f"{place}: {len(value)} values, where one fits"
        value = value[0]
    members = {name.lower(): name for name in shape.members}
    given = {members.get(key.lower(), key): part for key, part in value.items()}
    for name in shape.required_members:
        # Pulumi makes the token that keeps a repeated request from creating a second resource, and
        # knows the type.
        if name not in given and name not in ("CallerReference", "ResourceType"):
            yield f"{place}.{name}: missing"
    for name, part in given.items():
        if name in shape.members:
            yield from judge(shape.members[name], part, f"{place}.{name}")
        else:
            yield f"{place}.{name}: unknown"


def judge_list(shape: Any, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        # The service has a list of names and values where the provider has a mapping.
        name, content = sorted(shape.member.members, key=lambda key: "value" in key.lower())
        value = [{name: key, content: part} for key, part in value.items()]
    yield from beyond_limits(shape, len(value), f"{place}: {len(value)} entries", "entries")
    for number, part in enumerate(value):
        yield from judge(shape.member, part, f"{place}.{number}")


def judge_text(shape: Any, value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{place}: {value!r} is not text"
        return
    if shape.enum and value not in shape.enum:
        yield f"{place}: {value!r} is not one of {', '.join(shape.enum)}"
    yield from beyond_limits(shape, len(value), f"{place}: {value!r}", "characters")
    pattern = shape.metadata.get("pattern", "")
    for name, characters in CLASSES.items():
        pattern = pattern.replace(name, characters)
    if pattern and not re.fullmatch(pattern, value):
        yield f"{place}: {value!r} does not match {pattern}"


def judge_number(shape: Any, value: Any, place: str) -> Iterator[str]:
    whole = shape.type_name in ("integer", "long")
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{place}: {value!r} is not a number"
    elif whole and value != int(value):
        yield f"{place}: {value!r} is not a whole number"
    else:
        yield from beyond_limits(shape, value, f"{place}: {value}", "")


def beyond_limits(shape: Shape, size: float, what: str, unit: str) -> Iterator[str]:
    if size < shape.metadata.get("min", size):
        yield f"{what}: less than {shape.metadata['min']} {unit}".rstrip()
    if size > shape.metadata.get("max", size):
        yield f"{what}: more than {shape.metadata['max']} {unit}".rstrip()
