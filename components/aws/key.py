"""The account's KMS keys: one encrypts the secrets of all stacks, others the alarms' messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Input, ResourceOptions
from pulumi_aws import kms

from components.aws.place import Place
from components.aws.policies import Block, allow_alarms, allow_principal, policy

SECRETS_ALIAS = "alias/vaultmesh-stacks"
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
class KeyArgs:
    """The key is in the region of `place`; `uses` are the statements of those who may use it."""

    place: Place
    alias: str
    purpose: str
    uses: Sequence[Block]


class Key(pulumi.ComponentResource):
    """A key that rotates once a year, and that Pulumi refuses to delete.

    The account's administrators manage it. Only those in its policy use it.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: KeyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:aws:Key", name, None, opts)
        root = args.place.arn("iam", "root", region="")
        key = kms.Key(
            name,
            region=args.place.region,
            description=args.purpose,
            enable_key_rotation=True,
            rotation_period_in_days=ROTATION_DAYS,
            deletion_window_in_days=WAITING_DAYS,
            policy=policy(allow_principal("Manage", {"AWS": root}, MANAGE, "*"), *args.uses),
            opts=ResourceOptions(parent=self, protect=True),
        )
        kms.Alias(
            name,
            region=args.place.region,
            name=args.alias,
            target_key_id=key.key_id,
            opts=ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})


def secrets_statements(
    place: Place, operators: Sequence[str], readers: Sequence[tuple[Input[str], Sequence[str]]]
) -> Iterator[Block]:
    """Let operators, by ARN, encrypt and decrypt, and each role decrypt what belongs to its stacks.

    Without operators, everybody whom the account's IAM policies allow it may use the key.
    """
    yield allow_principal(
        "SetSecrets",
        {"AWS": list(operators) or place.arn("iam", "root", region="")},
        ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"),
        "*",
    )
    for number, (role, stacks) in enumerate(readers, 1):
        yield allow_principal(
            f"ReadSecrets{number}",
            {"AWS": role},
            ("kms:Decrypt",),
            "*",
            {"StringEquals": {f"kms:EncryptionContext:{CONTEXT}": list(stacks)}},
        )


def alarms_statement(place: Place) -> Block:
    """Let alarms of CloudWatch publish to topics that the key encrypts."""
    return allow_alarms(place, "vaultmesh-*", ("kms:Decrypt", "kms:GenerateDataKey"), "*")


def secrets_provider(stack: str, region: str) -> str:
    """The value of `--secrets-provider` for a stack."""
    return f"awskms://{SECRETS_ALIAS}?region={region}&context_{CONTEXT}={stack}"
