"""Reads and checks `vaultmesh:account`: what an AWS account has before any environment."""

from collections.abc import Mapping
from itertools import combinations
from typing import Annotated

import pulumi
from pydantic import Field, ValidationError, model_validator

from components.aws.permissions import Target
from components.values import NOT_EMPTY, DnsLabel, Value, WrongKeysError, matching
from problems import Problems
from stacks.images import IMAGES, SERVICES_IMAGE
from stacks.refusal import refuse
from stacks.secrets import PROJECT, SECRETS
from stacks.settings.credentials import PAGERS
from stacks.settings.layers import ACCOUNT, SHARED
from stacks.settings.messages import explain, unknown_key_message

IGNORED = (SHARED, SERVICES_IMAGE, IMAGES, PAGERS, *SECRETS)
"""What Pulumi.yaml gives every stack, and a rehearsal."""

MOST_ENVIRONMENTS = 7
"""With the longest names, the preview role may read no more of them: IAM limits its policy."""

RepositoryName = Annotated[
    str,
    matching(
        r"(?=.{2,256}\Z)[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*",
        "the name of a repository in ECR",
        "vaultmesh/services",
    ),
]
RoleName = Annotated[
    str,
    matching(
        r"([!-.0-~]+/)*[A-Za-z0-9+=,.@_-]{1,64}",
        "the name of an IAM role with its path",
        "teams/platform",
    ),
]


class Account(Value):
    """All of `vaultmesh:account`.

    `repository` is on GitHub, and only its jobs can assume the pipeline's roles. Newer ones name
    themselves to AWS with two numbers, `owner_id` and `repository_id`, too. `images` are the
    repositories in ECR. `operators` are the IAM roles of people who set secrets.
    `github_tokens_trusted` says that the account already has GitHub's OpenID Connect provider, of
    which it can have one.
    """

    repository: Annotated[
        str,
        matching(
            "[A-Za-z0-9_-]+/[A-Za-z0-9_.-]+", "a repository on GitHub", "vaultmesh/observability"
        ),
    ]
    owner_id: int | None = Field(default=None, ge=1)
    repository_id: int | None = Field(default=None, ge=1)
    branch: Annotated[str, matching("[A-Za-z0-9_./-]+", "the name of a branch", "main")] = "main"
    github_tokens_trusted: bool = False
    images: Annotated[tuple[RepositoryName, ...], NOT_EMPTY]
    kept_images: int = Field(default=500, ge=50, le=10000)
    state_bucket: (
        Annotated[
            str,
            matching(
                r"(?!.*\.\.|xn--|[0-9.]+\Z)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
                "a bucket of S3",
                "acme-state",
            ),
        ]
        | None
    ) = None
    operators: tuple[RoleName, ...] = ()
    environments: dict[DnsLabel, Target] = Field(min_length=1)

    @property
    def source(self) -> str:
        """How the subject begins that GitHub writes into the tokens of the repository's jobs."""
        if self.owner_id is None:
            return f"repo:{self.repository}"
        owner, _, name = self.repository.partition("/")
        return f"repo:{owner}@{self.owner_id}/{name}@{self.repository_id}"

    @model_validator(mode="after")
    def _is_consistent(self) -> "Account":
        wrong: dict[str, str] = {}
        ids = {"ownerId": self.owner_id, "repositoryId": self.repository_id}
        if len(missing := [key for key, value in ids.items() if value is None]) == 1:
            wrong[missing[0]] = "missing. Set both numbers, or none of them."
        if len(self.environments) > MOST_ENVIRONMENTS:
            wrong["environments"] = (
                "so many that the preview role's policy is too long for IAM."
                f" Write {MOST_ENVIRONMENTS} or fewer."
            )
        for (other, first), (stack, second) in combinations(self.environments.items(), 2):
            place, shared = f"environments.{stack}", f"of {other} too, whose deployments could then"
            if first.approval == second.approval:
                wrong[f"{place}.approval"] = (
                    f"`{second.approval}` is the approval {shared} assume the role of {stack}."
                    " Write another one."
                )
            if first.cluster == second.cluster and _may_be_one(first.region, second.region):
                wrong[f"{place}.cluster"] = (
                    f"`{second.cluster}` is the cluster {shared} change {stack}: they administer"
                    " all of it. Write another one, or the region of each."
                )
        if wrong:
            raise WrongKeysError(wrong)
        return self


def _may_be_one(region: str | None, other: str | None) -> bool:
    """Whether both can be the same region; without a name, it is that of the account's stack."""
    return region == other or None in (region, other)


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
