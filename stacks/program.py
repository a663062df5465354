"""What a stack declares: an environment's platform, or what the AWS account has before any."""

from stacks.outputs import Outputs
from stacks.settings import given_configuration, load_configuration
from stacks.settings.layers import ACCOUNT


def build() -> Outputs:
    """Declare the running stack's resources, and return its outputs.

    Raises SystemExit before it declares anything if its configuration is wrong.
    """
    given = given_configuration()
    # Imported here because each kind of stack needs packages whose import takes a second.
    if ACCOUNT in given:
        from stacks.account import build_account
        from stacks.settings.account import load_account

        return build_account(load_account(given))
    from stacks.platform import build as build_platform

    return build_platform(load_configuration())
