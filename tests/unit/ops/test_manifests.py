"""Rendered manifests are read in one place, and a wrong one is reported in one line."""

from pathlib import Path

import pytest
import yaml

from ops.manifests import ManifestsError, read_config_maps, read_manifests
from tests.support.recording import Recording
from tests.support.series import alerts


def config_map(folder: Path, name: str, **data: str) -> None:
    manifest = {"kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    (folder / f"v1-configmap-aurora-local-{name}.yaml").write_text(yaml.safe_dump(manifest))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stack with a namespace and one ConfigMap."""
    namespace = {"kind": "Namespace", "metadata": {"name": "aurora-local"}}
    path = tmp_path / "v1-namespace-default-aurora-local.yaml"
    path.write_text(yaml.safe_dump(namespace))
    config_map(tmp_path, "grafana", text="x")
    return tmp_path


def test_the_manifests_declare_what_the_program_declares(
    rendered: Path, recordings: dict[str, Recording]
) -> None:
    stack, declared = read_manifests(rendered), recordings["local"]
    assert stack.namespace == "aurora-local"
    assert {one.name for one in stack.workloads} == {
        resource["metadata"]["name"]
        for kind in ("Deployment", "StatefulSet")
        for resource in declared.all(kind)
    }
    assert {job.name for job in stack.cron_jobs} == {
        resource["metadata"]["name"] for resource in declared.all("CronJob")
    }
    assert stack.config_maps == read_config_maps(rendered)
    assert stack.alert_names() >= alerts().keys()


def test_the_main_container_of_a_workload_carries_its_name(rendered: Path) -> None:
    for workload in read_manifests(rendered).workloads:
        assert workload.main_container["name"] == workload.name


def test_a_folder_without_a_stack_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ManifestsError, match=r"holds no stack\. Run `make up` first\.$"):
        read_manifests(tmp_path / "none")


def test_a_stack_in_a_namespace_of_somebody_else_takes_its_name_from_its_objects(
    folder: Path,
) -> None:
    (folder / "v1-namespace-default-aurora-local.yaml").unlink()
    manifest = {"kind": "ConfigMap", "metadata": {"name": "a", "namespace": "theirs"}}
    (folder / "v1-configmap-theirs-a.yaml").write_text(yaml.safe_dump(manifest))
    assert read_manifests(folder).namespace == "theirs"


def test_secrets_are_never_opened(folder: Path) -> None:
    (folder / "v1-secret-aurora-local-grafana-admin.yaml").write_text(": not: yaml")
    assert read_manifests(folder).config_maps == {"grafana": {"text": "x"}}


def test_a_dashboard_that_is_not_json_is_named(folder: Path) -> None:
    config_map(folder, "dashboard-slos", **{"slos.json": "{"})
    with pytest.raises(ManifestsError, match=r"^ConfigMap dashboard-slos, slos\.json: is not JSON"):
        read_manifests(folder)


@pytest.mark.parametrize("text", ["", "[]", "groups: 1", "groups: [{rules: 1}]", "{"])
def test_a_file_of_rules_without_rules_is_named(folder: Path, text: str) -> None:
    config_map(folder, "prometheus-server", **{"alerting_rules.yml": text})
    with pytest.raises(ManifestsError, match=r"alerting_rules\.yml: is not a file of rules"):
        read_manifests(folder).alert_names()
