"""A made-up cluster: the objects that the program asks for, as its API would serve them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubectl import NotFoundError

DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


def storage_class(
    name: str, *, expands: bool = False, default: bool = False, policy: str = "Delete"
) -> dict[str, Any]:
    """A StorageClass; as in the API, a switch that is off may be missing."""
    annotations = {"annotations": DEFAULT} if default else {}
    expansion = {"allowVolumeExpansion": True} if expands else {}
    return {"metadata": {"name": name, **annotations}, "reclaimPolicy": policy, **expansion}


def volume_claim(
    name: str, size: str, storage_class: str, *, there: str | None = None
) -> dict[str, Any]:
    """A PersistentVolumeClaim; `there` is the size of its volume, None without one."""
    requests = {"storage": size}
    spec = {"storageClassName": storage_class, "resources": {"requests": requests}}
    status = {"phase": "Bound", "capacity": {"storage": there}} if there else {"phase": "Pending"}
    return {"metadata": {"name": name}, "spec": spec, "status": status}


def stateful_set(name: str, size: str, storage_class: str | None) -> dict[str, Any]:
    """A StatefulSet with volumes of this size and class; None means the default class."""
    named = {"storageClassName": storage_class} if storage_class else {}
    template = {"spec": {"resources": {"requests": {"storage": size}}, **named}}
    return {"metadata": {"name": name}, "spec": {"volumeClaimTemplates": [template]}}


def daemon_set(name: str, *flags: str) -> dict[str, Any]:
    """A DaemonSet with the two containers of the VPC CNI; the flags are the agent's."""
    containers = [{"name": "aws-node"}, {"name": "aws-eks-nodeagent", "args": list(flags)}]
    return {
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def _vpc_cni() -> dict[str, Any]:
    return daemon_set("aws-node", "--enable-ipv6=false", "--enable-network-policy=true")


AGENT = {"metadata": {"name": "eks-pod-identity-agent"}, "spec": {}}
"""The DaemonSet of the add-on that gives pods their IAM roles."""


@dataclass
class FakeCluster:
    """What a cluster has. By default, it is new and lacks nothing that the stacks need.

    `cni` is the data of the ConfigMap `amazon-vpc-cni`, None without one.
    """

    classes: list[dict[str, Any]] = field(
        default_factory=lambda: [storage_class("local", default=True)]
    )
    drivers: list[str] = field(default_factory=lambda: ["ebs.csi.aws.com"])
    namespace: dict[str, Any] | None = None
    claims: list[dict[str, Any]] = field(default_factory=list)
    stateful_sets: list[dict[str, Any]] = field(default_factory=list)
    daemons: list[dict[str, Any]] = field(default_factory=lambda: [_vpc_cni(), AGENT])
    cni: dict[str, str] | None = None
    version: str = "v1.34.4-eks-0000000"

    def read(self, path: str) -> bytes:
        """Answer in place of `Kubectl.read`."""
        found: Mapping[str, Any] | None
        match path.strip("/").split("/"):
            case ["version"]:
                return json.dumps({"gitVersion": self.version}).encode()
            case ["api", "v1", "namespaces", _]:
                found = self.namespace
            case ["api", "v1", "namespaces", _, "persistentvolumeclaims"]:
                found = {"items": self.claims}
            case ["api", "v1", "namespaces", "kube-system", "configmaps", "amazon-vpc-cni"]:
                found = None if self.cni is None else {"data": self.cni}
            case ["apis", "apps", "v1", "namespaces", _, "statefulsets"]:
                found = {"items": self.stateful_sets}
            case ["apis", "apps", "v1", "daemonsets"]:
                found = {"items": self.daemons}
            case ["apis", "storage.k8s.io", "v1", "storageclasses"]:
                found = {"items": self.classes}
            case ["apis", "storage.k8s.io", "v1", "csidrivers"]:
                found = {"items": [{"metadata": {"name": name}} for name in self.drivers]}
            case _:
                raise AssertionError(f"the program asks for {path}, which this cluster lacks")
        if found is None:
            raise NotFoundError(path)
        return json.dumps({"kind": "Any", **found}).encode()
