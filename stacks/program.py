"""What a stack declares: an environment's platform, or what the AWS account has before any.

Packages that only one kind of stack needs are imported inside the functions: they take long.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
from typing import TYPE_CHECKING, Any

import pulumi

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
    # The SDK would wait for the engine to take each of its debug messages, five a resource, which
    # is a twelfth of a preview, and has no option for that. Pulumi shows them with `--debug` only;
    # those of the engine and of the providers stay.
    pulumi.log.debug = _drop
    from stacks.aws_plugin import start_aws_plugin

    start_aws_plugin()
    outputs = build()

    async def begin() -> Outputs:
        # While it comes back, the event loop begins all registrations, and the SDK then waits for
        # one after the other. It would look at all of them each time that one ends, if it began to
        # wait before them.
        await asyncio.sleep(0)
        return outputs

    pulumi.run(begin)


def _drop(*_: Any, **__: Any) -> None:
    pass


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
