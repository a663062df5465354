"""Asks AWS where the stack works, and whether the account is prepared for it."""

from collections.abc import Callable
from functools import partial

from pulumi_aws import iam, kms

from components.aws.permissions import ALARMS_ALIAS
from components.aws.place import GLOBAL_REGION, Place, find_place
from problems import Problems
from stacks.settings.aws import Aws

_SETTINGS = "vaultmesh:settings.aws"


def ask_for_place(problems: Problems) -> Place | None:
    """The account and region; None after reporting that AWS can't be asked."""
    try:
        return find_place()
    except Exception as error:  # The SDK raises no narrower one for a failed look-up.
        text = f"AWS can't be asked for the account: {_reason(error)}"
        problems.add("aws:region", 0, f"{text}. Correct the region, or sign in to AWS.")
        return None


def check_account(aws: Aws, place: Place, problems: Problems) -> None:
    """Report what these settings need and the account lacks.

    SNS accepts a topic with a key that does not exist, and no message would ever arrive.
    """
    regions = [place.region] if aws.dead_mans_switch else []
    regions += [GLOBAL_REGION] if aws.health_checks else []
    for region in dict.fromkeys(regions):
        find = partial(kms.get_alias, name=ALARMS_ALIAS, region=region)
        _require(find, _SETTINGS, f"key {ALARMS_ALIAS} in {region}", problems)
    if boundary := aws.permissions_boundary:
        find = partial(iam.get_policy, arn=place.policy(boundary))
        key = f"{_SETTINGS}.permissionsBoundary"
        _require(find, key, f"policy {boundary}", problems)


def _require(find: Callable[[], object], key: str, what: str, problems: Problems) -> None:
    try:
        find()
    except Exception as error:  # The SDK raises no narrower one for a failed look-up.
        reason = _reason(error)
        if "AccessDenied" in reason:
            text = f"AWS doesn't let you look for {what}: {reason}"
            problems.add(key, 0, f"{text}. Allow that action, or sign in with another role.")
        else:
            text = f"the account has no {what} that can be read: {reason}"
            problems.add(key, 0, f"{text}. Run `pulumi up --stack account` first.")


def _reason(error: Exception) -> str:
    return str(error).rstrip(". \n")
