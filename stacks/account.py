"""What an AWS account has before any environment: repositories, a key, the pipeline's roles."""

from dataclasses import replace

from components.aws.key import (
    SECRETS_ALIAS,
    Key,
    KeyArgs,
    alarms_statement,
    secrets_provider,
    secrets_statements,
)
from components.aws.permissions import ALARMS_ALIAS, BOUNDARY
from components.aws.pipeline import Pipeline, PipelineArgs
from components.aws.place import GLOBAL_REGION
from components.aws.registry import Registry, RegistryArgs
from problems import Problems
from stacks.account_checks import ask_for_place
from stacks.outputs import Outputs
from stacks.refusal import refuse
from stacks.secrets import PROJECT
from stacks.settings.account import Account


def build_account(account: Account) -> Outputs:
    """Declare the account's resources, and return the stack's outputs.

    Raises SystemExit before it declares anything if AWS can't be asked for the account.
    """
    problems = Problems()
    place = ask_for_place(problems)
    if place is None:
        refuse(problems)
    registry = Registry(RegistryArgs(repositories=account.images, kept_images=account.kept_images))
    pipeline = Pipeline(
        PipelineArgs(
            place=place,
            project=PROJECT,
            source=account.source,
            branch=account.branch,
            provider_exists=account.github_tokens_trusted,
            images=registry.arns,
            state_bucket=account.state_bucket,
            targets=account.environments,
        )
    )
    stacks = tuple(account.environments)
    operators = [place.arn("iam", f"role/{name}", region="") for name in account.operators]
    readers = [
        (pipeline.roles["preview"], stacks),
        *((pipeline.roles[f"deploy-{stack}"], (stack,)) for stack in stacks),
    ]
    secrets_key = Key(
        "secrets-key",
        KeyArgs(
            place=place,
            alias=SECRETS_ALIAS,
            purpose="Encrypts the secrets of the VaultMesh stacks",
            uses=[*secrets_statements(place, operators, readers)],
        ),
    )
    regions = (target.place(place).region for target in account.environments.values())
    for region in dict.fromkeys((place.region, GLOBAL_REGION, *regions)):
        there = replace(place, region=region)
        Key(
            f"alarms-key-{region}",
            KeyArgs(
                place=there,
                alias=ALARMS_ALIAS,
                purpose="Encrypts the messages of the VaultMesh alarms",
                uses=[alarms_statement(there)],
            ),
        )
    return {
        "images": registry.urls,
        "secretsKey": secrets_key.arn,
        "secretsProviders": {stack: secrets_provider(stack, place.region) for stack in stacks},
        "roles": pipeline.roles,
        "permissionsBoundary": BOUNDARY,
    }
