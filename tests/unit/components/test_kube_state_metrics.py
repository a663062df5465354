"""kube-state-metrics watches objects of its namespace, and exports only metrics in use."""

import re
from typing import Any

import pytest

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
    assert all(rule["verbs"] == ["list", "watch"] for rule in role["rules"])
    watched = [kind for rule in role["rules"] for kind in rule["resources"]]
    assert watched == arguments(platform)["resources"].split(",")
    assert "secrets" not in watched
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    (subject,) = binding["subjects"]
    namespace = platform.all("Namespace")[0]["metadata"]["name"]
    assert arguments(platform)["namespaces"] == namespace
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == namespace
    assert (subject["name"], subject["namespace"]) == (NAME, namespace)


def test_it_exports_exactly_the_metrics_of_the_inventory(platform: Any) -> None:
    allowed = arguments(platform)["metric-allowlist"].split(",")
    names = [m["name"] for m in inventory()["platform"] if m["workload"] == NAME]
    assert allowed == [f"^{name}$" for name in names], "a pattern without an end matches more"
    kinds = arguments(platform)["resources"].split(",")
    for name in names:
        assert f"{name.split('_')[1]}s" in kinds, f"{name} is not about what it collects"


@pytest.mark.parametrize(
    ("metric", "pod", "is_kept"),
    [
        ("kube_pod_status_ready", "synthetic-feeder-29927899-m7g2z", False),
        ("kube_pod_status_ready", "psi-field-58d9545dd5-8cpmg", True),
        ("kube_pod_status_ready", "prometheus-server-0", True),
        ("kube_cronjob_created", "kube-state-metrics-84c8cd5b49-6w4wm", True),
    ],
)
def test_series_of_pods_that_come_and_go_with_each_run_are_dropped(
    platform: Any, metric: str, pod: str, is_kept: bool
) -> None:
    (job,) = [
        job
        for job in platform.config("prometheus-server")["scrape_configs"]
        if job["job_name"] == NAME
    ]
    (rule,) = job["metric_relabel_configs"]
    assert (rule["action"], rule["source_labels"]) == ("drop", ["__name__", "pod"])
    assert (re.fullmatch(rule["regex"], f"{metric};{pod}") is None) is is_kept


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
