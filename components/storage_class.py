"""A StorageClass of encrypted gp3 volumes of EBS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.meta import v1 as meta
from pulumi_kubernetes.storage import v1 as storage

from components.pods import labels
from components.values import Value, matching

CSI_DRIVER, AUTO_MODE_DRIVER = "ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com"
"""The EBS CSI driver that clusters install, and the one that is part of EKS Auto Mode."""


class EbsVolumes(Value):
    """Volumes of EBS. `kms_key` None means the account's own key for EBS.

    With the policy Retain, a volume outlives its claim: `kubectl` and AWS keep it until somebody
    deletes it. With Delete, the volume and its data go with the claim or the namespace.
    """

    reclaim_policy: Literal["Retain", "Delete"] = "Retain"
    driver: Literal["ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com"] = CSI_DRIVER
    kms_key: (
        Annotated[
            str,
            matching(
                r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+",
                "the ARN of a KMS key",
                "arn:aws:kms:eu-west-1:000000000000:key/ID",
            ),
        ]
        | None
    ) = None


def storage_class_name(namespace: str) -> str:
    """The name of the StorageClass for a namespace; no other namespace of the cluster has it."""
    return f"{namespace}-gp3"


@dataclass(frozen=True, kw_only=True)
class StorageClassArgs:
    """`namespace` is the only one whose claims should use the class."""

    namespace: str
    volumes: EbsVolumes


class StorageClass(pulumi.ComponentResource):
    """A class of volumes that are made where their pod runs, and that can grow.

    Claims name it by `storage_class_name`: a claim waits until its class exists.
    """

    def __init__(self, args: StorageClassArgs, opts: ResourceOptions | None = None) -> None:
        name = storage_class_name(args.namespace)
        super().__init__("vaultmesh:observability:StorageClass", name, None, opts)
        key = {"kmsKeyId": args.volumes.kms_key} if args.volumes.kms_key else {}
        storage.StorageClass(
            name,
            metadata=meta.ObjectMetaArgs(name=name, labels=labels(name)),
            provisioner=args.volumes.driver,
            parameters={"type": "gp3", "encrypted": "true", **key},
            reclaim_policy=args.volumes.reclaim_policy,
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})
