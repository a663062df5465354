"""The AWS account and region in which a stack works, and the ARNs of what is in them."""

from dataclasses import dataclass

GLOBAL_REGION = "us-east-1"
"""The only region with the metrics of Route 53, so alarms on them are there too."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """An account's number and the name of a region."""

    account: str
    region: str

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """The ARN of a resource here; an empty `region` for services that have none."""
        where = self.region if region is None else region
        return f"arn:aws:{service}:{where}:{self.account}:{resource}"

    def policy(self, name: str) -> str:
        """The ARN of the account's IAM policy of this name."""
        return self.arn("iam", f"policy/{name}", region="")


def find_place() -> Place:
    """Ask AWS for the account of the caller's credentials and for the provider's region.

    Both are known at preview, so that texts which contain ARNs can be checked before anything is
    declared.
    """
    # Imported here because it takes a second, and stacks without AWS use this module too.
    import pulumi_aws

    return Place(
        account=pulumi_aws.get_caller_identity().account_id,
        region=pulumi_aws.get_region().region,
    )
