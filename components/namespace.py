"""The namespace: its Pod Security level, quota, default limits and default-deny policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta
from pulumi_kubernetes.networking import v1 as networking
from pydantic import Field

from components.values import Bytes, Cpu, Value

STACK_ANNOTATION = "vaultmesh.dev/stack"
"""Names the stack that may change and delete the namespace."""
ENFORCE_LABEL, LEVEL = "pod-security.kubernetes.io/enforce", "restricted"
"""The label that makes the API server refuse pods, and the Pod Security level of this platform."""


class Quota(Value):
    """Limits for the sum of all pods: number of pods, CPU cores and memory."""

    pods: int = Field(ge=1, le=2**63 - 1)
    cpu: Cpu
    memory: Bytes
    memory_limit: Bytes


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """`stack` is the owner of the namespace; `pod_security_version` a version such as v1.34.

    `labels` are for controllers of the cluster. Without `create`, somebody else makes and labels
    the namespace. With `protect`, the engine refuses to delete it.
    """

    name: str
    create: bool
    stack: str
    pod_security_version: str
    labels: Mapping[str, str]
    quota: Quota
    protect: bool


class Namespace(pulumi.ComponentResource):
    """A namespace under Pod Security `restricted`, with a quota and a default-deny policy."""

    name: pulumi.Output[str]
    """The namespace's name; resolves once the namespace exists."""

    def __init__(self, args: NamespaceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Namespace", args.name, None, opts)
        child = ResourceOptions(parent=self)
        self.name = pulumi.Output.from_input(args.name)
        if args.create:
            namespace = core.Namespace(
                args.name,
                metadata=meta.ObjectMetaArgs(
                    name=args.name,
                    labels={**_pod_security(args.pod_security_version), **args.labels},
                    annotations={STACK_ANNOTATION: args.stack},
                ),
                opts=ResourceOptions.merge(child, ResourceOptions(protect=args.protect)),
            )
            self.name = namespace.metadata.name
        core.ResourceQuota(
            "quota",
            metadata=meta.ObjectMetaArgs(name="quota", namespace=self.name),
            spec=core.ResourceQuotaSpecArgs(hard=_hard_limits(args.quota)),
            opts=child,
        )
        core.LimitRange(
            "defaults",
            metadata=meta.ObjectMetaArgs(name="defaults", namespace=self.name),
            spec=core.LimitRangeSpecArgs(limits=[_container_defaults()]),
            opts=child,
        )
        networking.NetworkPolicy(
            "default-deny",
            metadata=meta.ObjectMetaArgs(name="default-deny", namespace=self.name),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=meta.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]
            ),
            opts=child,
        )
        self.register_outputs({"name": self.name})


def _pod_security(version: str) -> dict[str, str]:
    """Labels that make the API server enforce, audit and warn at the restricted level."""
    modes = ("enforce", "audit", "warn")
    prefix = ENFORCE_LABEL.partition("/")[0]
    return {f"{prefix}/{mode}": LEVEL for mode in modes} | {
        f"{prefix}/{mode}-version": version for mode in modes
    }


def _hard_limits(quota: Quota) -> dict[str, str]:
    return {
        "pods": str(quota.pods),
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        "limits.memory": quota.memory_limit,
    }


def _container_defaults() -> core.LimitRangeItemArgs:
    """Resources of containers that declare none: the size of a small sidecar."""
    return core.LimitRangeItemArgs(
        type="Container",
        default_request={"cpu": "25m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
        default={"memory": "128Mi", "ephemeral-storage": "64Mi"},
    )
