"""The blackbox exporter makes the probes in the settings, and may reach their targets."""

import json
import re
from typing import Any

import pytest

from promql.durations import parse_duration
from tests.support.recording import STACKS, Recording, fixed_labels, stack_values

EXPORTER = "blackbox-exporter"
OFFSET_MS = 500
"""The exporter stops this long before the scrape timeout, by default."""


def target(job: dict[str, Any]) -> tuple[str, str, int, str]:
    """(Service, namespace, port, path) that a job's probe requests."""
    (url,) = job["params"]["target"]
    found = re.fullmatch(r"http://([\w-]+)\.([\w-]+)\.svc:(\d+)(/.*)", url)
    assert found, url
    return found[1], found[2], int(found[3]), found[4]


def test_every_workloads_health_and_a_step_of_the_field_are_probed(platform: Recording) -> None:
    jobs = platform.probe_jobs()
    workloads = {
        name for name, _ in platform.pods() if platform.server(name).get("command") is not None
    }
    assert len(workloads) >= 4
    asked = {(fixed_labels(job)["workload"], target(job)[3]) for job in jobs.values()}
    assert asked >= {(name, "/health") for name in workloads}
    assert ("psi-field", "/step") in asked
    (step,) = [name for name, job in jobs.items() if target(job)[3] == "/step"]
    assert platform.config(EXPORTER)["modules"][step]["http"]["method"] == "POST"


def test_a_probe_requests_an_existing_service_at_its_port(platform: Recording) -> None:
    namespace = platform.all("Namespace")[0]["metadata"]["name"]
    for job in platform.probe_jobs().values():
        service, where, port, _ = target(job)
        assert service == fixed_labels(job)["workload"]
        assert where == namespace
        assert [found["port"] for found in platform.one("Service", service)["spec"]["ports"]] == [
            port
        ]


def test_each_probe_has_a_module_of_its_name_and_there_are_no_others(
    platform: Recording,
) -> None:
    jobs = platform.probe_jobs()
    assert jobs.keys() == platform.config(EXPORTER)["modules"].keys()
    for name, job in jobs.items():
        assert job["params"]["module"] == [name]
        assert job["metrics_path"] == "/probe"


def test_series_of_a_probe_belong_to_the_exporters_pod_and_name_the_probe(
    platform: Recording,
) -> None:
    for name, job in platform.probe_jobs().items():
        (discovery,) = job["kubernetes_sd_configs"]
        assert discovery["selectors"][0]["label"] == f"app.kubernetes.io/name={EXPORTER}"
        assert fixed_labels(job) == {"job": EXPORTER, "probe": name, "workload": target(job)[0]}
        taken = {
            rule["target_label"]: rule["source_labels"]
            for rule in job["relabel_configs"]
            if "target_label" in rule and "source_labels" in rule
        }
        assert taken == {
            "namespace": ["__meta_kubernetes_namespace"],
            "pod": ["__meta_kubernetes_pod_name"],
        }


def test_no_probe_job_can_have_the_name_of_a_workload_job(platform: Recording) -> None:
    for job in platform.probe_jobs().values():
        assert not re.fullmatch(r"[a-z0-9-]+", job["job_name"])


def test_a_probe_times_out_before_its_scrape_and_the_scrape_before_the_next(
    platform: Recording,
) -> None:
    for name, job in platform.probe_jobs().items():
        scrape = parse_duration(job["scrape_timeout"])
        assert (
            parse_duration(platform.config(EXPORTER)["modules"][name]["timeout"])
            <= scrape - OFFSET_MS
        )
        assert scrape <= parse_duration(job["scrape_interval"])


def test_the_exporter_may_reach_its_targets_and_only_prometheus_may_reach_it(
    platform: Recording,
) -> None:
    opened = platform.edges()
    assert {source for source, target, _ in opened if target == EXPORTER} == {
        "prometheus-server"
    }, "whoever reaches the exporter can ask anything of any service through it"
    for job in platform.probe_jobs().values():
        service, _, port, _ = target(job)
        assert (EXPORTER, service, port) in opened


@pytest.mark.parametrize("stack", STACKS)
def test_the_exporter_sends_the_request_that_the_settings_describe(
    stack: str, recordings: dict[str, Recording]
) -> None:
    settings = stack_values(stack)["vaultmesh:settings"]["synthetics"]
    for name, probe in settings["probes"].items():
        http = recordings[stack].config(EXPORTER)["modules"][name]["http"]
        assert json.loads(http["body"]) == probe["body"]
        assert http["headers"] == {"Content-Type": "application/json", **probe["headers"]}
        assert http["fail_if_body_not_matches_regexp"] == [probe["expect"]["contains"]]
        assert http["valid_status_codes"] == [200]
