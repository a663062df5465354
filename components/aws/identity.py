"""IAM roles for the pods of an EKS cluster: one role for each workload that calls AWS.

Nothing stores a credential. The cluster gives a pod short-lived ones for the role of its
ServiceAccount, through EKS Pod Identity or, where that add-on is missing, through the cluster's
OpenID Connect provider (IRSA).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
from pulumi import (
    Output,
    ResourceHook,
    ResourceHookArgs,
    ResourceHookBinding,
    ResourceOptions,
)
from pulumi_aws import eks, iam

from components.aws.policies import Block, allow, allow_principal, policy

IdentityKind = Literal["pod-identity", "irsa"]
ROLE_ANNOTATION = "vaultmesh.io/aws-role"
EFFECTIVE_SECONDS = 20
"""How long a new association may take until pods get its role. AWS says "several seconds"."""
IRSA_ANNOTATION = "eks.amazonaws.com/role-arn"
"""What the webhook of IRSA looks for on a ServiceAccount."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The EKS cluster called `cluster`, by its ARN and OIDC issuer, and how its pods get roles."""

    kind: IdentityKind
    cluster: str
    arn: Output[str]
    issuer: Output[str]


def find_identity(kind: IdentityKind, cluster: str) -> Identity:
    """Look up the EKS cluster whose pods get roles in this way."""
    found = eks.get_cluster_output(name=cluster)
    return Identity(
        kind=kind,
        cluster=cluster,
        arn=found.arn,
        issuer=found.identities.apply(lambda identities: identities[0].oidcs[0].issuer),
    )


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Actions that a role may take on the resources with these ARNs."""

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class WorkloadRoleArgs:
    """Only pods under the ServiceAccount `workload` of the namespace can assume the role.

    `path` begins and ends with a slash; it groups the roles of one environment. `boundary` is the
    ARN of the policy that says what any of these roles may do at most. `has_pods` is false where
    manifests are only rendered, so no pod could be created too early.
    """

    identity: Identity
    namespace: pulumi.Input[str]
    path: str
    boundary: str | None
    has_pods: bool
    statements: Sequence[Statement]


class WorkloadRole(pulumi.ComponentResource):
    """The IAM role of one workload's pods, and what it may do."""

    annotations: Mapping[str, Output[str]]
    """Annotations for the ServiceAccount and for its pods.

    A pod gets the means to assume the role only when it is created. Its annotation makes it wait
    for the complete role, and makes it roll if the role is replaced.
    """

    def __init__(
        self, workload: str, args: WorkloadRoleArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("vaultmesh:aws:WorkloadRole", workload, None, opts)
        child = ResourceOptions(parent=self)
        with_agent = args.identity.kind == "pod-identity"
        trust = _agent_trust if with_agent else _web_identity_trust
        role = iam.Role(
            workload,
            path=args.path,
            permissions_boundary=args.boundary,
            assume_role_policy=policy(trust(workload, args)),
            opts=child,
        )
        permissions = iam.RolePolicy(
            workload, role=role.id, policy=policy(*_work(args.statements)), opts=child
        )
        complete: list[Output[Any]] = [role.arn, permissions.id]
        if with_agent:
            association = eks.PodIdentityAssociation(
                workload,
                cluster_name=args.identity.cluster,
                namespace=args.namespace,
                service_account=workload,
                role_arn=role.arn,
                opts=ResourceOptions(
                    parent=self, hooks=_wait_until_effective(workload) if args.has_pods else None
                ),
            )
            complete.append(association.association_id)
        arn = Output.all(*complete).apply(lambda values: str(values[0]))
        self.annotations = {ROLE_ANNOTATION if with_agent else IRSA_ANNOTATION: arn}
        self.register_outputs({"annotations": self.annotations})


def _work(statements: Sequence[Statement]) -> Iterator[Block]:
    for number, one in enumerate(statements, 1):
        yield allow(f"Work{number}", one.actions, one.resources)


def _wait_until_effective(workload: str) -> ResourceHookBinding:
    """A hook that ends the creation of an association when new pods surely get its role.

    A pod that is created earlier never gets the role, and the provider does not wait.
    """

    async def wait(_: ResourceHookArgs) -> None:
        await asyncio.sleep(EFFECTIVE_SECONDS)

    hook = ResourceHook(f"{workload}-has-its-role", wait)
    return ResourceHookBinding(after_create=[hook])


def _agent_trust(workload: str, args: WorkloadRoleArgs) -> Block:
    """Trust in EKS, when it acts for this cluster and for pods under this ServiceAccount.

    The request tags are session tags that EKS sets, never the pod.
    """
    cluster = args.identity.arn
    return allow_principal(
        "Pods",
        {"Service": "pods.eks.amazonaws.com"},
        ("sts:AssumeRole", "sts:TagSession"),
        condition={
            "StringEquals": {
                "aws:SourceAccount": cluster.apply(lambda arn: arn.split(":")[4]),
                "aws:RequestTag/eks-cluster-arn": cluster,
                "aws:RequestTag/kubernetes-namespace": args.namespace,
                "aws:RequestTag/kubernetes-service-account": workload,
            },
            "ArnEquals": {"aws:SourceArn": cluster},
        },
    )


def _web_identity_trust(workload: str, args: WorkloadRoleArgs) -> Block:
    """Trust in tokens that this cluster's OIDC provider has signed for this ServiceAccount.

    The look-up fails at preview if the account has no such provider.
    """
    provider = iam.get_open_id_connect_provider_output(url=args.identity.issuer)
    account = Output.concat("system:serviceaccount:", args.namespace, ":", workload)
    claims = Output.all(args.identity.issuer, account).apply(lambda found: _token_claims(*found))
    return allow_principal(
        "Pods",
        {"Federated": provider.arn},
        ("sts:AssumeRoleWithWebIdentity",),
        condition={"StringEquals": claims},
    )


def _token_claims(issuer: str, account: str) -> dict[str, str]:
    """The claims of a ServiceAccount's token, by the condition keys of the issuer."""
    key = issuer.removeprefix("https://")
    return {f"{key}:sub": account, f"{key}:aud": "sts.amazonaws.com"}
