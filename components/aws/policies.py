"""IAM policy documents: JSON in which every action and resource is named."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi import Input, Output

from components.aws.place import Place

POLICY_LANGUAGE = "2012-10-17"

Block = Mapping[str, Any]
"""A statement of a policy document; ARNs in it may be Outputs."""


def policy(*statements: Block) -> Output[str]:
    """The policy document with these statements."""
    return Output.json_dumps({"Version": POLICY_LANGUAGE, "Statement": list(statements)})


def allow(
    name: str,
    actions: Sequence[str],
    resources: Sequence[Input[str]],
    condition: Mapping[str, Any] | None = None,
) -> Block:
    """Allow the holder of the policy these actions on these resources."""
    when = {"Condition": condition} if condition else {}
    block = {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return {**block, **when}


def allow_principal(
    name: str,
    principal: Mapping[str, Input[str] | Sequence[Input[str]]],
    actions: Sequence[str],
    resource: Input[str] | None = None,
    condition: Mapping[str, Any] | None = None,
) -> Block:
    """Allow a principal these actions on the resource that has the policy.

    A trust policy names no resource. In a key's policy, `*` means the key itself.
    """
    on = {"Resource": resource} if resource is not None else {}
    when = {"Condition": condition} if condition else {}
    block = {"Sid": name, "Effect": "Allow", "Principal": principal, "Action": list(actions)}
    return {**block, **on, **when}


def allow_alarms(place: Place, names: str, actions: Sequence[str], resource: str) -> Block:
    """Allow these actions to the account's alarms of CloudWatch whose names match the pattern."""
    condition = {
        "StringEquals": {"aws:SourceAccount": place.account},
        "ArnLike": {"aws:SourceArn": place.arn("cloudwatch", f"alarm:{names}")},
    }
    service = {"Service": "cloudwatch.amazonaws.com"}
    return allow_principal("Alarms", service, actions, resource, condition)
