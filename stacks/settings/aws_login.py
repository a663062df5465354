"""The AWS configuration of a stack that `aws eks get-token` must follow as the provider does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from problems import Problems

PROFILE, ROLES, OLD_ROLE = "aws:profile", "aws:assumeRoles", "aws:assumeRole"


@dataclass(frozen=True, kw_only=True)
class AwsLogin:
    """The profile of the AWS configuration, and the role to assume with it; None without one."""

    profile: str | None = None
    role: str | None = None

    @property
    def options(self) -> list[str]:
        """The options of the `aws` command that sign in the same way."""
        given = {"--profile": self.profile, "--role-arn": self.role}
        return [part for option, text in given.items() if text for part in (option, text)]


def read_aws_login(values: Mapping[str, str], problems: Problems) -> AwsLogin:
    """The login in a stack's whole configuration; reports a role that `aws` can't assume.

    `aws eks get-token` assumes one role, and knows no external id.
    """
    if OLD_ROLE in values:
        text = f"this version of the AWS provider reads {ROLES}, a list. Write `- roleArn: ARN`."
        problems.add(OLD_ROLE, 0, text)
    roles = _parse_list(values.get(ROLES, "[]"))
    match roles:
        case []:
            role = None
        case [{"roleArn": str(role), **options}] if "externalId" not in options:
            pass
        case _:
            role = None
            problems.add(
                ROLES,
                0,
                "`aws eks get-token` assumes one role, without an external id. Write one"
                " `- roleArn: ARN`, or name a profile of ~/.aws/config that does it in"
                f" {PROFILE}.",
            )
    return AwsLogin(profile=values.get(PROFILE), role=role)


def _parse_list(text: str) -> Any:
    """The JSON value of a structured key; None if the text is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
