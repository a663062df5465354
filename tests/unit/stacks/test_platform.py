"""The platform as one: every object on the right cluster, every address one that exists."""

from typing import Any

import pulumi
import pytest
import yaml

from tests.support.recording import STACKS, configure, record, stack_values
from tests.unit.components.test_servers import server_of


def test_every_object_goes_to_the_provider_of_the_cluster(platform: Any) -> None:
    for resource in platform.resources:
        if resource.type.startswith("kubernetes:"):
            assert "::cluster::" in (resource.provider or ""), resource.name


@pytest.mark.parametrize("stack", STACKS)
def test_users_are_told_addresses_and_ports_that_services_have(stack: str) -> None:
    from stacks.platform import build
    from stacks.settings import load_configuration

    told: dict[str, Any] = {}
    configure(stack_values(stack))
    platform = record(
        lambda: pulumi.Output.from_input(dict(build(load_configuration()))).apply(told.update)
    )
    services = {s["metadata"]["name"]: s for s in platform.all("Service")}
    assert told["grafanaUrl"] == told["urls"]["grafana"]
    for component, url in told["urls"].items():
        service = services[component]
        (port,) = [p["port"] for p in service["spec"]["ports"]]
        host = f"http://{service['metadata']['name']}.{told['namespace']}.svc"
        assert url in ({host, f"{host}:80"} if port == 80 else {f"{host}:{port:.0f}"})
    assert {"prometheus-server", "alertmanager", "grafana"} <= set(told["portForward"])
    for command in told["portForward"].values():
        _, _, namespace, _, target, ports = command.split(" ")
        assert namespace == told["namespace"]
        assert [p["port"] for p in services[target.removeprefix("service/")]["spec"]["ports"]] == [
            int(ports.split(":")[1])
        ]


def test_what_the_settings_say_arrives(recordings: dict[str, Any]) -> None:
    for stack, platform in recordings.items():
        settings = stack_values(stack)["vaultmesh:settings"]
        for name, workload in settings["workloads"].items():
            assert server_of(platform, name)["command"] == workload["command"], name
        data = platform.one("ConfigMap", "prometheus-server")["data"]
        config = yaml.safe_load(data["prometheus.yml"])
        assert config["global"]["external_labels"]["environment"] == settings["environment"]
        kept = config["storage"]["tsdb"]["retention"]["time"]
        assert kept == settings["prometheus"]["retention"]
