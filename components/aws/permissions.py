"""What the pipeline may do with the AWS parts of one environment.

The actions are those that the AWS provider calls for the program's look-ups, and to read, create,
change and delete the resource types of `components.aws`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulumi import Input

from components.aws.place import GLOBAL_REGION, Place
from components.aws.policies import Block, allow
from components.values import DnsLabel, EksName, Region, Text, Value

OWNER_TAG = "vaultmesh-environment"
"""The tag that names the environment of a resource whose ARN doesn't."""
ALARMS_ALIAS = "alias/vaultmesh-alarms"
"""The name of the key that encrypts messages of alarms, in each region that has alarms."""
BOUNDARY = "vaultmesh-workloads"
"""The name of the IAM policy that limits what the role of any pod can do."""


class Target(Value):
    """An environment that the pipeline deploys: its name in the settings, and its EKS cluster.

    `approval` is the environment of GitHub in which the pipeline's job runs, with its reviewers.
    Without a `region`, the cluster and the AWS parts are in that of the account's stack.
    """

    environment: DnsLabel
    cluster: EksName
    approval: Text
    region: Region | None = None

    def place(self, account: Place) -> Place:
        """Where the environment is; `account` is where the account's stack works."""
        return replace(account, region=self.region or account.region)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """The actions that read, and those that change, the resources with these ARNs.

    Those with an `owner` only if their tag names it.
    """

    name: str
    resources: Sequence[str]
    reads: Sequence[str]
    writes: Sequence[str] = ()
    owner: str | None = None
    condition: Mapping[str, Any] | None = None


def role_path(environment: str) -> str:
    """The path of the IAM roles of an environment's pods."""
    return f"/vaultmesh/{environment}/"


def name_prefix(environment: str) -> str:
    """The beginning of the names of an environment's topics and alarms."""
    return f"vaultmesh-{environment}-"


def read_environments(account: Place, targets: Iterable[Target]) -> Iterator[Block]:
    """Statements for a preview or a refresh of these environments.

    All of them share each statement: a role's policies may have 10,240 characters.
    """
    for alike in zip(*(_grants(one.place(account), one) for one in targets), strict=True):
        resources = dict.fromkeys(arn for grant in alike for arn in grant.resources)
        yield allow(f"Read{alike[0].name}", alike[0].reads, [*resources], _condition(*alike))
    yield allow("Find", _FIND, ["*"])


def change_environment(account: Place, target: Target, boundary: Input[str]) -> Iterator[Block]:
    """Statements for an update; `boundary` is the ARN of the policy that limits pods' roles."""
    place = target.place(account)
    for grant in _grants(place, target):
        if grant.writes:
            yield allow(f"Change{grant.name}", grant.writes, grant.resources, _condition(grant))
    roles = place.arn("iam", f"role{role_path(target.environment)}*", region="")
    # Without the boundary, the pipeline could make a role that may do more than the pipeline.
    yield allow(
        "ChangeRolesWithinTheBoundary",
        ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy"],
        [roles],
        {"ArnEquals": {"iam:PermissionsBoundary": boundary}},
    )
    yield allow(
        "GiveRolesToPods",
        ["iam:PassRole"],
        [roles],
        {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}},
    )
    own_tag = {f"aws:RequestTag/{OWNER_TAG}": target.environment}
    yield allow("CreateWorkspaces", ["aps:CreateWorkspace"], ["*"], {"StringEquals": own_tag})
    yield allow(
        "TagWorkspaces",
        ["aps:TagResource"],
        [place.arn("aps", "workspace/*")],
        # A new workspace has no tag yet; one that has may not change its owner.
        {
            "StringEquals": own_tag,
            "StringEqualsIfExists": {f"aws:ResourceTag/{OWNER_TAG}": target.environment},
        },
    )
    yield allow(
        "CreateAndSubscribe",
        ["route53:CreateHealthCheck", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"],
        ["*"],
    )


_FIND = (
    "iam:ListOpenIDConnectProviders",
    "kms:ListAliases",
    "sns:GetSubscriptionAttributes",
)
"""Actions that AWS does not limit to a resource."""


def _condition(*alike: Grant) -> Mapping[str, Any] | None:
    owners = [grant.owner for grant in alike if grant.owner]
    if not owners:
        return alike[0].condition
    return {"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": owners}}


def _grants(place: Place, target: Target) -> Iterator[Grant]:
    prefix = name_prefix(target.environment)
    regions = tuple(dict.fromkeys((place.region, GLOBAL_REGION)))

    def in_each_region(service: str, resource: str) -> list[str]:
        return [place.arn(service, resource, region=region) for region in regions]

    yield Grant(
        name="Cluster",
        resources=[place.arn("eks", f"cluster/{target.cluster}")],
        reads=["eks:DescribeCluster"],
        writes=["eks:CreatePodIdentityAssociation"],
    )
    yield Grant(
        name="Associations",
        resources=[place.arn("eks", f"podidentityassociation/{target.cluster}/*")],
        reads=["eks:DescribePodIdentityAssociation"],
        writes=[
            "eks:DeletePodIdentityAssociation",
            "eks:TagResource",
            "eks:UpdatePodIdentityAssociation",
        ],
    )
    yield Grant(
        name="Roles",
        resources=[place.arn("iam", f"role{role_path(target.environment)}*", region="")],
        reads=[
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole",
            "iam:ListRolePolicies",
        ],
        writes=[
            "iam:DeleteRole",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRole",
        ],
    )
    yield Grant(
        name="Boundary",
        resources=[place.policy(BOUNDARY)],
        reads=["iam:GetPolicy", "iam:GetPolicyVersion"],
    )
    yield Grant(
        name="IdentityProviders",
        resources=[place.arn("iam", "oidc-provider/*", region="")],
        reads=["iam:GetOpenIDConnectProvider"],
    )
    # A stack may name the workspace of another, in any region.
    yield Grant(
        name="AnyWorkspace",
        resources=[place.arn("aps", "workspace/*", region="*")],
        reads=["aps:DescribeWorkspace"],
    )
    yield Grant(
        name="Workspaces",
        resources=[place.arn("aps", "workspace/*")],
        reads=[
            "aps:DescribeLoggingConfiguration",
            "aps:DescribeWorkspaceConfiguration",
            "aps:ListTagsForResource",
        ],
        writes=[
            "aps:DeleteWorkspace",
            "aps:UpdateWorkspaceAlias",
            "aps:UpdateWorkspaceConfiguration",
        ],
        owner=target.environment,
    )
    yield Grant(
        name="Topics",
        resources=in_each_region("sns", f"{prefix}*"),
        reads=["sns:GetTopicAttributes", "sns:ListTagsForResource"],
        writes=[
            "sns:CreateTopic",
            "sns:DeleteTopic",
            "sns:SetTopicAttributes",
            "sns:Subscribe",
            "sns:TagResource",
        ],
    )
    yield Grant(
        name="Alarms",
        resources=in_each_region("cloudwatch", f"alarm:{prefix}*"),
        reads=["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"],
        writes=["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"],
    )
    yield Grant(
        name="AlarmsKey",
        resources=in_each_region("kms", "key/*"),
        reads=["kms:DescribeKey"],
        condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": ALARMS_ALIAS}},
    )
    yield Grant(
        name="HealthChecks",
        resources=["arn:aws:route53:::healthcheck/*"],
        reads=["route53:GetHealthCheck", "route53:ListTagsForResource"],
        writes=[
            "route53:ChangeTagsForResource",
            "route53:DeleteHealthCheck",
            "route53:UpdateHealthCheck",
        ],
    )
