"""ECR repositories for the images that the platform builds itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import ecr

UNTAGGED_DAYS = 14
"""An image without a tag is what a failed push leaves; the parts of a tagged image for several
architectures don't expire before it."""


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """The names of the repositories, and how many tagged images each keeps."""

    repositories: Sequence[str]
    kept_images: int


class Registry(pulumi.ComponentResource):
    """Private repositories: a tag never changes, and each push is scanned."""

    urls: Mapping[str, pulumi.Output[str]]
    """Repository -> the name of its images without a tag, with the registry's host."""
    arns: Sequence[pulumi.Output[str]]
    """The repositories' ARNs."""

    def __init__(self, args: RegistryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:aws:Registry", "registry", None, opts)
        child = ResourceOptions(parent=self)
        repositories = {
            name: ecr.Repository(
                name,
                name=name,
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(
                    scan_on_push=True
                ),
                # Without `kms_key`, the key is the one that AWS manages for ECR.
                encryption_configurations=[
                    ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS")
                ],
                # Pods on other nodes could not start without their image.
                opts=ResourceOptions(parent=self, protect=True),
            )
            for name in args.repositories
        }
        for name, repository in repositories.items():
            ecr.LifecyclePolicy(
                name,
                repository=repository.name,
                policy=json.dumps(_lifecycle(args.kept_images)),
                opts=child,
            )
        self.urls = {name: found.repository_url for name, found in repositories.items()}
        self.arns = [found.arn for found in repositories.values()]
        self.register_outputs({"urls": self.urls})


def _lifecycle(kept_images: int) -> Mapping[str, Sequence[Mapping[str, object]]]:
    """The rules of expiry: never by age for an image with a tag, since it may be in use."""
    rules = (
        (
            f"an untagged image expires after {UNTAGGED_DAYS} days",
            {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": UNTAGGED_DAYS,
            },
        ),
        (
            f"the {kept_images} newest tagged images stay",
            {
                "tagStatus": "tagged",
                "tagPatternList": ["*"],
                "countType": "imageCountMoreThan",
                "countNumber": kept_images,
            },
        ),
    )
    return {
        "rules": [
            {
                "rulePriority": priority,
                "description": description,
                "selection": selection,
                "action": {"type": "expire"},
            }
            for priority, (description, selection) in enumerate(rules, 1)
        ]
    }
