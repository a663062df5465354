"""The KMS key that encrypts the secrets of all stacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Input, ResourceOptions
from pulumi_aws import kms

from components.aws.place import Place
from components.aws.policies import allow_principal, policy

ALIAS = "alias/vaultmesh-stacks"
CONTEXT = "stack"
"""The key of the encryption context, whose value is the stack's name. Pulumi takes it from the
parameter `context_stack` of the secrets provider's URL."""
MANAGE = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""Everything about a key except its use."""
ROTATION_DAYS = 365
WAITING_DAYS = 30
"""How long a deletion can still be cancelled. The secrets are lost with the key."""


@dataclass(frozen=True, kw_only=True)
class SecretsKeyArgs:
    """`operators` are the ARNs of those who set secrets; `readers` map ARNs of roles to stacks.

    Without operators, everybody whom the account's IAM policies allow it may use the key.
    """

    place: Place
    operators: Sequence[str]
    readers: Sequence[tuple[Input[str], Sequence[str]]]


class SecretsKey(pulumi.ComponentResource):
    """The key: it rotates once a year, and Pulumi refuses to delete it.

    The account's administrators manage it. A role of the pipeline can decrypt the secrets of its
    own stacks alone.
    """

    provider_urls: Mapping[str, str]
    """Stack -> the value of `--secrets-provider` for it."""
    arn: pulumi.Output[str]

    def __init__(self, args: SecretsKeyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:aws:SecretsKey", "secrets-key", None, opts)
        key = kms.Key(
            "secrets-key",
            description="Encrypts the secrets of the VaultMesh stacks",
            enable_key_rotation=True,
            rotation_period_in_days=ROTATION_DAYS,
            deletion_window_in_days=WAITING_DAYS,
            policy=_key_policy(args),
            opts=ResourceOptions(parent=self, protect=True),
        )
        kms.Alias(
            "secrets-key",
            name=ALIAS,
            target_key_id=key.key_id,
            opts=ResourceOptions(parent=self),
        )
        stacks = sorted({stack for _, found in args.readers for stack in found})
        base = f"awskms://{ALIAS}?region={args.place.region}"
        self.provider_urls = {stack: f"{base}&context_{CONTEXT}={stack}" for stack in stacks}
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})


def _key_policy(args: SecretsKeyArgs) -> pulumi.Output[str]:
    root = args.place.arn("iam", "root", region="")
    return policy(
        allow_principal("Manage", {"AWS": root}, MANAGE, "*"),
        allow_principal(
            "SetSecrets",
            {"AWS": list(args.operators) or root},
            ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"),
            "*",
        ),
        *(
            allow_principal(
                f"ReadSecrets{number}",
                {"AWS": role},
                ("kms:Decrypt",),
                "*",
                {"StringEquals": {f"kms:EncryptionContext:{CONTEXT}": list(stacks)}},
            )
            for number, (role, stacks) in enumerate(args.readers, 1)
        ),
    )
