"""Starts the AWS plugin before the program needs it."""

from importlib.metadata import version

import pulumi
from pulumi.runtime.proto.resource_pb2 import ResourceInvokeRequest
from pulumi.runtime.settings import get_monitor


def start_aws_plugin() -> None:
    """Let the engine start the AWS plugin in the background if the stack names a region of AWS.

    The plugin takes a second to start, and this program as long to import its packages. Nobody
    looks at the answer: whoever needs AWS asks again, and reports why it can't be asked.
    """
    if pulumi.Config("aws").get("region") is None:
        return
    # The version is that of the SDK, whose later calls go to the same plugin. The SDK itself can
    # only ask and wait.
    request = ResourceInvokeRequest(
        tok="aws:index/getRegion:getRegion", version=version("pulumi_aws"), acceptResources=True
    )
    monitor = get_monitor()
    assert monitor is not None  # noqa: S101 - for the type checker
    monitor.Invoke.future(request)
