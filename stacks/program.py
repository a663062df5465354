"""What a stack declares: an environment's platform, or what the AWS account has before any.

The imports are inside the functions: each kind of stack needs packages that take long to import.
"""

from __future__ import annotations

import atexit
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.outputs import Outputs


def run() -> None:
    """Declare the running stack's resources and export its outputs.

    Raises SystemExit before it declares anything if its configuration is wrong.
    """
    # The program ends in seconds and keeps what it makes, mostly classes of the SDKs. To look
    # through them for garbage, above all while the interpreter ends, would take a fifth of a run.
    gc.disable()
    atexit.register(gc.freeze)
    from stacks.aws_plugin import start_aws_plugin

    start_aws_plugin()
    from stacks.outputs import export

    export(build())


def build() -> Outputs:
    """Declare the running stack's resources, and return its outputs.

    Raises SystemExit as `run` does.
    """
    from stacks.settings import given_configuration, load_configuration
    from stacks.settings.layers import ACCOUNT

    given = given_configuration()
    if ACCOUNT in given:
        from stacks.account import build_account
        from stacks.settings.account import load_account

        return build_account(load_account(given))
    from stacks.platform import build as build_platform

    return build_platform(load_configuration())
