"""A workload needs only settings, and ψ-Field has at least two replicas behind two Services."""

from typing import Any

from tests.support.recording import run_values, stack_values


def test_the_field_runs_at_least_twice_on_port_8000_behind_both_services(platform: Any) -> None:
    deployment = platform.one("Deployment", "psi-field")["spec"]
    assert deployment["replicas"] >= 2
    (container,) = deployment["template"]["spec"]["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 8000}]
    service = platform.one("Service", "psi-field")["spec"]
    headless = platform.one("Service", "psi-field-headless")["spec"]
    assert service["type"] == "ClusterIP"
    assert "clusterIP" not in service
    assert headless["clusterIP"] == "None"
    for spec in (service, headless):
        assert [port["port"] for port in spec["ports"]] == [8000]
        assert spec["selector"] == deployment["selector"]["matchLabels"]


def test_every_stack_runs_the_four_workloads(platform: Any) -> None:
    running = {name for name, _ in platform.pods()}
    assert {"psi-field", "aurora-treaty", "scheduler", "harbinger"} <= running


def test_a_workload_added_in_the_settings_alone_is_deployed_scraped_and_reachable() -> None:
    values = stack_values("staging")
    values["vaultmesh:settings"]["workloads"]["archivist"] = {
        "image": "registry.example.com/archivist:1.0.0",
        "command": ["archivist"],
        "port": 9000,
        "calls": ["psi-field"],
    }
    platform = run_values(values)
    (container,) = platform.one("Deployment", "archivist")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.com/archivist:1.0.0"
    assert container["ports"][0]["containerPort"] == 9000
    assert {"name": "PORT", "value": "9000"} in container["env"]
    config = platform.config("prometheus-server")
    assert "archivist" in {job["job_name"] for job in config["scrape_configs"]}
    policies = {policy["metadata"]["name"] for policy in platform.all("NetworkPolicy")}
    assert {"prometheus-server-to-archivist", "archivist-to-psi-field"} <= policies


def test_a_rolling_workload_keeps_all_its_pods(platform: Any) -> None:
    for name in ("psi-field", "aurora-treaty", "scheduler", "harbinger"):
        strategy = platform.one("Deployment", name)["spec"]["strategy"]
        if name == "scheduler":
            assert strategy == {"type": "Recreate"}, "two schedulers would run each job twice"
        else:
            assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
