"""The stack outputs: addresses of all components, and commands to reach them from a laptop."""

from collections.abc import Mapping

import pulumi

from components import grafana
from stacks.images import SERVICES_IMAGE
from stacks.servers import SERVERS
from stacks.settings import Configuration
from stacks.settings.schema import Settings

Outputs = Mapping[str, pulumi.Input[object]]


def outputs(
    configuration: Configuration,
    namespace: pulumi.Output[str],
    urls: Mapping[str, pulumi.Output[str]],
) -> Outputs:
    """The stack's outputs by name; `urls` maps components to their addresses.

    `images` are the images by the last part of their configuration keys: `make pin` takes from it
    what is deployed.
    """
    settings, images = configuration.settings, configuration.images.model_dump(by_alias=True)
    return {
        "namespace": namespace,
        "images": {SERVICES_IMAGE: configuration.services_image, **images},
        "urls": urls,
        "grafanaUrl": urls[grafana.NAME],
        "portForward": _port_forward(settings),
    }


def _port_forward(settings: Settings) -> dict[str, str]:
    """Server -> the command that forwards its user interface to the same port of this machine.

    Without a context in the settings, the user's current one counts. Grafana needs no command
    behind a load balancer.
    """
    context = settings.cluster.context
    kubectl = f"kubectl --context {context}" if context else "kubectl"
    servers = [server for server in SERVERS if server.has_ui]
    if not settings.grafana.is_internal:
        servers.remove(grafana.SERVER)
    return {
        server.name: f"{kubectl} --namespace {settings.namespace} port-forward"
        f" service/{server.name} {server.port}:{server.service_port}"
        for server in servers
    }
