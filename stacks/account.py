"""What an AWS account has before any environment: repositories, a key, the pipeline's roles."""

from components.aws.key import SecretsKey, SecretsKeyArgs
from components.aws.pipeline import BOUNDARY, Pipeline, PipelineArgs
from components.aws.place import find_place
from components.aws.registry import Registry, RegistryArgs
from stacks.outputs import Outputs
from stacks.secrets import PROJECT
from stacks.settings.account import Account


def build_account(account: Account) -> Outputs:
    """Declare the account's resources, and return the stack's outputs."""
    place = find_place()
    registry = Registry(RegistryArgs(repositories=account.images, kept_images=account.kept_images))
    pipeline = Pipeline(
        PipelineArgs(
            place=place,
            project=PROJECT,
            repository=account.repository,
            branch=account.branch,
            provider_exists=account.github_tokens_trusted,
            images=registry.arns,
            state_bucket=account.state_bucket,
            targets=account.environments,
        )
    )
    stacks = tuple(account.environments)
    key = SecretsKey(
        SecretsKeyArgs(
            place=place,
            operators=[place.arn("iam", f"role/{name}", region="") for name in account.operators],
            readers=[
                (pipeline.roles["preview"], stacks),
                *((pipeline.roles[f"deploy-{stack}"], (stack,)) for stack in stacks),
            ],
        )
    )
    return {
        "images": registry.urls,
        "secretsKey": key.arn,
        "secretsProviders": key.provider_urls,
        "roles": pipeline.roles,
        "permissionsBoundary": BOUNDARY,
    }
