"""What a deployment tells its users: where everything is, and how to reach it from a laptop."""

from collections.abc import Mapping

import pulumi

from components import alertmanager, blackbox, grafana, prometheus
from stacks.settings.schema import Settings

Outputs = Mapping[str, pulumi.Input[object]]


def outputs(
    settings: Settings, namespace: pulumi.Output[str], urls: Mapping[str, pulumi.Output[str]]
) -> Outputs:
    """The stack's outputs by name; `urls` maps components to their addresses."""
    return {
        "namespace": namespace,
        "urls": urls,
        "grafanaUrl": urls[grafana.NAME],
        "portForward": _port_forward(settings),
    }


def grafana_address(settings: Settings) -> str:
    """Where people find Grafana: at its domain, or on this machine behind the port-forward."""
    domain = settings.grafana.domain
    return f"https://{domain}" if domain else f"http://localhost:{grafana.PORT}"


def export(values: Outputs) -> None:
    """Show the outputs after `pulumi up`, and to `pulumi stack output`."""
    for name, value in values.items():
        pulumi.export(name, value)


def _port_forward(settings: Settings) -> dict[str, str]:
    """The command, by component, that brings its user interface to this machine."""
    services = {
        prometheus.NAME: (prometheus.PORT, prometheus.SERVICE_PORT),
        alertmanager.NAME: (alertmanager.PORT, alertmanager.PORT),
        blackbox.NAME: (blackbox.PORT, blackbox.PORT),
    }
    if settings.grafana.exposure == "internal":
        services[grafana.NAME] = (grafana.PORT, grafana.SERVICE_PORT)
    return {
        name: f"kubectl --namespace {settings.namespace} port-forward service/{name} {local}:{port}"
        for name, (local, port) in services.items()
    }
