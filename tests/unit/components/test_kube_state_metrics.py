"""kube-state-metrics watches the CronJobs of its namespace, and exports only metrics in use."""

from typing import Any

from tests.support.series import inventory

NAME = "kube-state-metrics"


def arguments(platform: Any) -> dict[str, str]:
    """The value of each of its flags."""
    given = [arg.partition("=") for arg in platform.server(NAME)["args"]]
    assert all(flag.startswith("--") for flag, _, _ in given)
    return {flag.removeprefix("--"): value for flag, _, value in given}


def test_it_may_watch_only_the_objects_that_it_collects_in_its_namespace(
    platform: Any,
) -> None:
    role, binding = (platform.one(kind, NAME) for kind in ("Role", "RoleBinding"))
    (rule,) = role["rules"]
    assert rule["verbs"] == ["list", "watch"]
    assert rule["apiGroups"] == ["batch"]
    assert ",".join(rule["resources"]) == arguments(platform)["resources"] == "cronjobs"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    (subject,) = binding["subjects"]
    namespace = platform.all("Namespace")[0]["metadata"]["name"]
    assert arguments(platform)["namespaces"] == namespace
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == namespace
    assert (subject["name"], subject["namespace"]) == (NAME, namespace)


def test_it_exports_exactly_the_metrics_of_the_inventory(platform: Any) -> None:
    allowed = arguments(platform)["metric-allowlist"].split(",")
    assert allowed == [m["name"] for m in inventory()["platform"] if m["workload"] == NAME]
    # Each item is a pattern that matches anywhere in a name, so it must not match another name.
    for item in allowed:
        assert [name for name in allowed if item in name] == [item]
        assert item.startswith("kube_cronjob_"), f"{item} is not about what it collects"


def test_other_pods_reach_only_the_port_that_is_scraped(platform: Any) -> None:
    (port,) = platform.server(NAME)["ports"]
    assert (port["name"], f"{port['containerPort']:.0f}") == ("http", arguments(platform)["port"])
    assert arguments(platform)["telemetry-host"] == "127.0.0.1"


def test_an_unreachable_kubernetes_api_makes_it_unready_without_a_restart(
    platform: Any,
) -> None:
    server = platform.server(NAME)
    paths = {probe: server[f"{probe}Probe"]["httpGet"]["path"] for probe in ("liveness", "startup")}
    assert set(paths.values()) == {"/healthz"}
    # /livez, on the same port, queries the Kubernetes API.
    assert server["readinessProbe"]["httpGet"]["path"] == "/livez"


def test_only_its_series_keep_the_namespace_of_the_object(
    platform: Any,
) -> None:
    honored = {
        job["job_name"]: job.get("honor_labels", False)
        for job in platform.config("prometheus-server")["scrape_configs"]
    }
    assert [name for name, is_honored in honored.items() if is_honored] == [NAME]
