"""kubeconform, kube-score and checkov find nothing in what the stacks on EKS render."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from stacks.settings.layers import merged
from tests.support.judges import (
    Finding,
    checkov,
    kube_score,
    kubeconform,
    read_exceptions,
)
from tests.support.project import Project
from tests.support.recording import ROOT
from toolchain import judges
from toolchain.schemas import write_schemas

ON_EKS = ("staging", "production")
EXCEPTIONS = Path("tests/engine/exceptions.yaml")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The folder of the manifests of each stack on EKS, as its rehearsal renders them."""
    project = Project.of_the_platform(tmp_path_factory.mktemp("judged") / "clone")
    for stack in ON_EKS:
        result = project.up(stack=stack)
        assert result.code == 0, result.text
    return {stack: project.root / "rendered" / stack / "1-manifest" for stack in ON_EKS}


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The folder of the API's schemas for each version of Kubernetes that is judged."""
    folder = tmp_path_factory.mktemp("schemas")
    for version in judges.KUBERNETES:
        write_schemas(judges.specification(version), folder / version)
    return {version: folder / version for version in judges.KUBERNETES}


@pytest.fixture
def broken(rendered: Mapping[str, Path], tmp_path: Path) -> Path:
    """The manifest of staging's Grafana alone, whose container has three mistakes."""
    [source] = rendered["staging"].glob("apps_v1-deployment-*-grafana.yaml")
    manifest = yaml.safe_load(source.read_text(encoding="utf-8"))
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    del container["resources"]["limits"]
    container["securityContext"]["privileged"] = True
    container["readynessProbe"] = container.pop("readinessProbe")
    (tmp_path / source.name).write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return tmp_path


def test_kube_score_and_checkov_object_to_nothing_but_the_exceptions(
    rendered: Mapping[str, Path], tmp_path: Path
) -> None:
    for stack, manifests in rendered.items():
        shutil.copytree(manifests, tmp_path / stack)
    shutil.copy(ROOT / "Dockerfile", tmp_path)
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    found = {finding for manifests in rendered.values() for finding in kube_score(manifests)}
    found |= set(checkov(tmp_path))
    exceptions = read_exceptions(ROOT / EXCEPTIONS)
    needed = {
        (number, pattern)
        for number, allowed in enumerate(exceptions)
        for finding in found
        for pattern in allowed.matches(finding)
    }
    refused = {f for f in found if not any(allowed.matches(f) for allowed in exceptions)}
    assert not refused, f"Correct what renders these, or give a reason in {EXCEPTIONS}."
    unneeded = [
        f"{allowed.judge} {allowed.check} about {pattern}"
        for number, allowed in enumerate(exceptions)
        for pattern in allowed.about
        if (number, pattern) not in needed
    ]
    assert not unneeded, f"Remove these from {EXCEPTIONS}: no judge objects any more."


@pytest.mark.parametrize("version", judges.KUBERNETES)
@pytest.mark.parametrize("stack", ON_EKS)
def test_each_object_fits_the_api_of_the_oldest_and_the_newest_cluster(
    rendered: Mapping[str, Path], schemas: Mapping[str, Path], stack: str, version: str
) -> None:
    assert list(kubeconform(rendered[stack], schemas[version])) == []


def test_the_oldest_cluster_knows_the_pod_security_standard_that_stacks_ask_for() -> None:
    shared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]["shared"]["default"]
    [oldest, _] = judges.KUBERNETES
    for stack in ON_EKS:
        config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
        assert merged(shared, config["vaultmesh:settings"])["podSecurityVersion"] == oldest


def test_every_judge_sees_a_mistake(broken: Path, schemas: Mapping[str, Path]) -> None:
    grafana = "Deployment/grafana"
    scored, checked = set(kube_score(broken)), set(checkov(broken))
    assert (
        Finding("kube-score", "container-resources", grafana, "Memory limit is not set") in scored
    )
    assert ("CKV_K8S_16", grafana) in {(finding.check, finding.about) for finding in checked}
    for folder in schemas.values():
        [refused] = kubeconform(broken, folder)
        assert refused.about == grafana and "'readynessProbe' not allowed" in refused.says
