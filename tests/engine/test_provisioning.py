"""The whole platform in the real engine: which resources a change updates, and recovery."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.namespace import STACK_ANNOTATION
from tests.support.project import Project
from tests.support.recording import Recording, run_stack
from tests.support.report.report_platform import without_empty_parts

ALERTS = "rules/alerts/psi-field.yaml"
TOTAL = len(run_stack("local").resources) + 1
"""Resources of a new stack `local`: all that the program declares, and the stack itself."""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The platform, brought up once; tests restore what they change."""
    project = Project.of_the_platform(tmp_path_factory.mktemp("engine") / "platform")
    result = project.up()
    assert result.code == 0, result.text
    assert result.changes == {"+": TOTAL}, result.text
    return project


@pytest.mark.parametrize(
    ("owner", "config_map"),
    [
        ("Deployment::blackbox-exporter", "ConfigMap::blackbox-exporter"),
        ("Deployment::grafana", "ConfigMap::grafana"),
        ("StatefulSet::alertmanager", "ConfigMap::alertmanager"),
        ("StatefulSet::prometheus-server", "ConfigMap::prometheus-server"),
    ],
)
def test_a_pod_is_rolled_only_after_its_configuration_is_in_place(
    deployed: Project, owner: str, config_map: str
) -> None:
    (found,) = [res for urn, res in deployed.resources().items() if urn.endswith(owner)]
    assert [urn for urn in found["dependencies"] if urn.endswith(config_map)]


def test_a_second_preview_has_nothing_to_change(deployed: Project) -> None:
    result = deployed.preview()
    assert result.code == 0, result.text
    assert result.changes == {"=": TOTAL}


def test_rendered_manifests_are_the_declared_resources(deployed: Project) -> None:
    rendered = {identity(manifest): manifest for manifest in deployed.rendered().values()}
    declared = {identity(manifest): manifest for manifest in manifests(run_stack("local"))}
    assert rendered.keys() == declared.keys()
    # The stack on mocks has another name, and secrets are wrapped there.
    namespace = rendered[("Namespace", "aurora-local")]
    assert namespace["metadata"]["annotations"] == {STACK_ANNOTATION: "vaultmesh/local"}
    for key in declared.keys() - {("Namespace", "aurora-local"), ("Secret", "grafana")}:
        assert rendered[key] == declared[key], key


def manifests(recording: Recording) -> Iterator[dict[str, Any]]:
    for resource in recording.resources:
        if resource.type.startswith("kubernetes:"):
            yield {**without_empty_parts(dict(resource.inputs)), "kind": resource.kind}


def identity(manifest: dict[str, Any]) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def test_one_changed_rule_is_one_update_and_no_replacement(deployed: Project) -> None:
    with deployed.edited(ALERTS, "ψ-Field pods have drifted apart", "ψ-Field pods disagree"):
        result = deployed.preview("--diff")
    assert result.changes == {"~": 1, "=": TOTAL - 1}, result.text
    assert "ψ-Field pods disagree" in result.text


def test_a_stacks_override_is_shown_in_the_diff_and_changes_nothing_else(
    deployed: Project,
) -> None:
    base = "    cronJobs:\n"
    override = f"    rules: {{overrides: {{TreatyNoRequests: {{for: 47m}}}}}}\n{base}"
    with deployed.edited("Pulumi.local.yaml", base, override):
        result = deployed.preview("--diff")
    assert result.changes == {"~": 1, "=": TOTAL - 1}, result.text
    assert re.search(r'for *: *"15m" => "47m"', result.text), result.text


def test_a_changed_threshold_moves_in_the_rule_and_on_the_dashboard(deployed: Project) -> None:
    base = "    cronJobs:\n"
    override = f"    rules: {{overrides: {{PsiFieldPodDrift: {{threshold: 0.45}}}}}}\n{base}"
    with deployed.edited("Pulumi.local.yaml", base, override):
        result = deployed.preview("--diff")
    assert result.changes == {"~": 2, "=": TOTAL - 2}, result.text
    assert "psi:pod_drift:abs > 0.45" in result.text
    assert "dashboard-psi-field" in result.text


def test_a_changed_route_is_one_update_and_no_restart(deployed: Project) -> None:
    with deployed.edited("Pulumi.yaml", "path: /alerts", "path: /alarms"):
        result = deployed.preview("--diff")
    assert result.changes == {"~": 1, "=": TOTAL - 1}, result.text


def test_a_workload_is_added_in_the_settings_alone(deployed: Project) -> None:
    base = "    cronJobs:\n"
    archivist = f"    workloads: {{archivist: {{command: [archivist]}}}}\n{base}"
    with deployed.edited("Pulumi.local.yaml", base, archivist):
        result = deployed.preview()
    component, account, service, deployment, policies = 1, 1, 1, 1, 2
    added = component + account + service + deployment + policies
    # Prometheus scrapes it, and the blackbox exporter probes its /health.
    told = 2
    assert result.changes == {"+": added, "~": told, "=": TOTAL - told}, result.text


def test_outputs_name_the_address_of_every_component(deployed: Project) -> None:
    stack = next(
        resource
        for resource in deployed.resources().values()
        if resource["type"] == "pulumi:pulumi:Stack"
    )
    outputs = stack["outputs"]
    assert outputs["namespace"] == "aurora-local"
    assert outputs["grafanaUrl"] == outputs["urls"]["grafana"]
    assert outputs["urls"]["psi-field"] == "http://psi-field.aurora-local.svc:8000"
    services = {
        manifest["metadata"]["name"]: manifest["spec"]["ports"][0]["port"]
        for manifest in deployed.rendered().values()
        if manifest["kind"] == "Service"
    }
    for command in outputs["portForward"].values():
        service, ports = command.split("service/")[1].split()
        assert services[service] == int(ports.split(":")[1]), command


def test_an_interrupted_up_is_finished_by_the_next(project: Project) -> None:
    running = project.start("up")
    folder = Path(project.root, "rendered", "local", "1-manifest")
    limit = time.monotonic() + 60
    while len(list(folder.glob("*.yaml"))) < 5:
        assert time.monotonic() < limit, "up did not begin"
        time.sleep(0.02)
    running.kill()
    running.communicate(timeout=30)
    assert len(project.rendered()) < TOTAL
    result = project.up()
    assert result.code == 0, result.text
    assert project.preview().changes == {"=": TOTAL}
    assert len(project.rendered()) == len(list(manifests(run_stack("local"))))


def test_the_backend_keeps_no_file_that_a_killed_run_could_leave_half_written(
    deployed: Project,
) -> None:
    """Pulumi replaces a state file whole, but not the `.attrs` file that it can keep beside it."""
    kept = {path.suffix for path in (deployed.root / ".state" / "backend").rglob("*.json*")}
    assert kept == {".json", ".bak"}


def test_a_removed_folder_is_rendered_again_and_destroy_leaves_nothing(project: Project) -> None:
    assert project.up().code == 0
    names = project.rendered().keys()
    shutil.rmtree(project.root / "rendered")
    assert project.up().code == 0
    assert project.rendered().keys() == names
    assert project.destroy().code == 0
    assert project.rendered() == {}


def test_no_tracked_file_is_changed_by_preview_and_up(deployed: Project) -> None:
    original = Project.of_the_platform(deployed.root.parent / "untouched")
    for path in original.root.rglob("*"):
        if path.is_file():
            copy = deployed.root / path.relative_to(original.root)
            assert copy.read_bytes() == path.read_bytes(), path


def test_the_config_map_holds_all_12_alerts_and_22_records(deployed: Project) -> None:
    rules = deployed.rendered()["v1-configmap-aurora-local-prometheus-server.yaml"]["data"]
    names = [
        rule["alert"]
        for group in yaml.safe_load(rules["alerting_rules.yml"])["groups"]
        for rule in group["rules"]
    ]
    records = [
        rule["record"]
        for group in yaml.safe_load(rules["recording_rules.yml"])["groups"]
        for rule in group["rules"]
    ]
    assert (len(names), len(records)) == (12, 22)
