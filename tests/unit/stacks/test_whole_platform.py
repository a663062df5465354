"""The whole platform: every object uses the cluster's provider, and every address exists."""

from typing import Any

import pulumi
import pytest

from tests.support.recording import STACKS, Recording, run_values, stack_values


def test_every_object_goes_to_the_provider_of_the_cluster(platform: Any) -> None:
    for resource in platform.resources:
        if resource.type.startswith("kubernetes:"):
            assert "::cluster::" in (resource.provider or ""), resource.name


def test_the_outputs_name_addresses_and_ports_that_services_have(platform: Any) -> None:
    told: dict[str, Any] = {}

    @pulumi.runtime.test
    def resolve() -> pulumi.Output[None]:
        return pulumi.Output.from_input(dict(platform.result)).apply(told.update)

    resolve()
    services = {s["metadata"]["name"]: s for s in platform.all("Service")}
    assert told["grafanaUrl"] == told["urls"]["grafana"]
    for component, url in told["urls"].items():
        service = services[component]
        (port,) = [p["port"] for p in service["spec"]["ports"]]
        host = f"http://{service['metadata']['name']}.{told['namespace']}.svc"
        assert url in ({host, f"{host}:80"} if port == 80 else {f"{host}:{port:.0f}"})
    assert {"prometheus-server", "alertmanager", "grafana"} <= set(told["portForward"])
    for command in told["portForward"].values():
        *_, namespace, _, target, ports = command.split(" ")
        assert namespace == told["namespace"]
        assert [p["port"] for p in services[target.removeprefix("service/")]["spec"]["ports"]] == [
            int(ports.split(":")[1])
        ]


@pytest.mark.parametrize(
    ("stack", "beginning"),
    [
        ("node", "kubectl --context vaultmesh-node --namespace aurora-node "),
        ("staging", "kubectl --namespace aurora-staging "),
    ],
)
def test_a_port_forward_names_the_context_of_the_settings(stack: str, beginning: str) -> None:
    commands = run_values(stack_values(stack)).result["portForward"].values()
    assert all(command.startswith(beginning) for command in commands)


def images_that_run(platform: Recording) -> set[str]:
    pods = [template["spec"] for _, template in (*platform.pods(), *platform.tasks())]
    return {container["image"] for pod in pods for container in pod["containers"]}


def test_the_outputs_name_exactly_the_images_that_run(platform: Recording) -> None:
    assert {*dict(platform.result)["images"].values()} == images_that_run(platform)


def test_production_runs_the_images_that_are_pinned() -> None:
    values = stack_values("production")
    pinned = {
        key: f"{image}@sha256:{'1' * 64}" for key, image in values["vaultmesh:images"].items()
    }
    services = f"registry.example.com:5000/vaultmesh/services:0123abc@sha256:{'2' * 64}"
    values |= {"vaultmesh:images": pinned, "vaultmesh:servicesImage": services}
    assert images_that_run(run_values(values)) == {services, *pinned.values()}


def test_settings_reach_the_resources(recordings: dict[str, Any]) -> None:
    for stack, platform in recordings.items():
        settings = stack_values(stack)["vaultmesh:settings"]
        for name, workload in settings["workloads"].items():
            assert platform.server(name)["command"] == workload["command"], name
        config = platform.config("prometheus-server")
        assert config["global"]["external_labels"]["environment"] == settings["environment"]
        kept = config["storage"]["tsdb"]["retention"]["time"]
        assert kept == settings["prometheus"]["retention"]


def test_no_two_stacks_share_a_namespace_of_a_cluster() -> None:
    targets: dict[tuple[str, ...], str] = {}
    for stack in STACKS:
        settings = stack_values(stack)["vaultmesh:settings"]
        target = (str(settings["cluster"]), settings["namespace"])
        other = targets.setdefault(target, stack)
        assert other == stack, (
            f"Pulumi.{stack}.yaml and Pulumi.{other}.yaml name the same cluster and namespace."
            " Change one: they would overwrite each other."
        )
