"""A workload needs only settings, and ψ-Field has at least two replicas behind two Services."""

from typing import Any

from tests.support.recording import mounts, run_values, stack_values
from tests.support.refusals import refusals


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


def test_a_workload_can_write_to_tmp_only_if_the_settings_give_it_scratch_space() -> None:
    values = stack_values("local")
    resources = {"ephemeralStorage": "100Mi"}
    values["vaultmesh:settings"]["workloads"]["harbinger"] |= {
        "scratch": "50Mi",
        "resources": resources,
    }
    pods = dict(run_values(values).pods())
    [volume] = pods["harbinger"]["spec"]["volumes"]
    assert volume["emptyDir"] == {"sizeLimit": "50Mi"}
    [container] = pods["harbinger"]["spec"]["containers"]
    assert mounts(container) == {"/tmp": volume["name"]}
    assert not pods["scheduler"]["spec"].get("volumes")

    resources["ephemeralStorage"] = "99Mi"
    (line,) = refusals(values)
    place, _, text = line.partition(": ")
    assert "workloads.harbinger.resources.ephemeralStorage " in place
    assert text.startswith("`99Mi` has no room for 50Mi of scratch and 50Mi of log. Write")


def test_less_storage_than_a_log_may_take_is_refused() -> None:
    values = stack_values("local")
    values["vaultmesh:settings"]["cronJobs"]["soak-heartbeat"]["resources"] = {
        "ephemeralStorage": "49Mi"
    }
    (line,) = refusals(values)
    assert "ephemeralStorage" in line
    assert line.endswith(": `49Mi` is less than a log may take. Write 50Mi or more.")
