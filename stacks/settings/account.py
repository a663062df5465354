"""Reads and checks `vaultmesh:account`: what an AWS account has before any environment."""

from collections.abc import Mapping
from typing import Annotated

import pulumi
from pydantic import Field, ValidationError, model_validator

from components.aws.permissions import Target
from components.values import DnsLabel, Value, WrongKeysError, matching
from problems import Problems
from stacks.images import SERVICES_IMAGE
from stacks.refusal import refuse
from stacks.secrets import PROJECT, SECRETS
from stacks.settings.credentials import PAGERS
from stacks.settings.layers import ACCOUNT, SHARED
from stacks.settings.messages import explain, unknown_key_message

IGNORED = (SHARED, SERVICES_IMAGE, "images", PAGERS, *SECRETS)
"""What Pulumi.yaml gives every stack, and a rehearsal."""

RepositoryName = Annotated[
    str,
    matching(
        r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*",
        "the name of a repository in ECR",
        "vaultmesh/services",
    ),
]
RoleName = Annotated[
    str, matching(r"[\w+=,.@/-]+", "the name of an IAM role with its path", "teams/platform")
]


class Account(Value):
    """All of `vaultmesh:account`.

    `repository` is on GitHub, and only its jobs can assume the pipeline's roles. `images` are the
    repositories in ECR. `operators` are the IAM roles of people who set secrets.
    `github_tokens_trusted` says that the account already has GitHub's OpenID Connect provider, of
    which it can have one.
    """

    repository: Annotated[
        str, matching(r"[\w-]+/[\w.-]+", "a repository on GitHub", "vaultmesh/observability")
    ]
    branch: Annotated[str, matching(r"[\w./-]+", "the name of a branch", "main")] = "main"
    github_tokens_trusted: bool = False
    images: tuple[RepositoryName, ...]
    kept_images: int = Field(default=500, ge=50, le=10000)
    state_bucket: (
        Annotated[
            str, matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket of S3", "acme-state")
        ]
        | None
    ) = None
    operators: tuple[RoleName, ...] = ()
    environments: dict[DnsLabel, Target] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_consistent(self) -> "Account":
        wrong = {} if self.images else {"images": "empty. Write at least one entry."}
        seen: dict[str, str] = {}
        for stack, target in self.environments.items():
            other = seen.setdefault(target.approval, stack)
            if other != stack:
                wrong[f"environments.{stack}.approval"] = (
                    f"`{target.approval}` is the approval of {other} too, whose jobs could then"
                    f" deploy {stack}. Write another one."
                )
        if wrong:
            raise WrongKeysError(wrong)
        return self


def load_account(given: Mapping[str, str]) -> Account:
    """The checked settings of the account; `given` is the configuration without its prefix.

    If anything is wrong, prints one line for each problem and raises SystemExit.
    """
    problems, file = Problems(), f"Pulumi.{pulumi.get_stack()}.yaml"
    for key in given.keys() - {ACCOUNT, *IGNORED}:
        problems.add(f"{PROJECT}:{key}", 0, unknown_key_message(key, (ACCOUNT,)))
    account = None
    try:
        account = Account.model_validate_json(given[ACCOUNT], by_name=False)
    except ValidationError as error:
        for path, problem in explain(Account, error, file=file):
            problems.add(".".join([f"{PROJECT}:{ACCOUNT}", *map(str, path)]), 0, problem)
    if account is None or problems:
        refuse(problems)
    for text in _open_points(account):
        pulumi.log.warn(text)
    return account


def _open_points(account: Account) -> list[str]:
    """What a rehearsal can do without, but the pipeline or its security can't."""
    place, points = f"{PROJECT}:{ACCOUNT}", []
    if account.state_bucket is None:
        points.append(
            f"{place}.stateBucket: missing, so the pipeline's roles reach no state. Write the name"
            " of the bucket in which Pulumi keeps it."
        )
    if not account.operators:
        points.append(
            f"{place}.operators: empty, so everybody whom IAM allows kms:Decrypt on all keys can"
            " read the stacks' secrets. Name the IAM roles of the people who set them."
        )
    return points
