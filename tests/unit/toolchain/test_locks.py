"""The lock files hold what pyproject.toml asks for, and versions agree wherever they are named."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from toolchain import judges, packages, tools
from toolchain.base import CLONE, MODULES

PYPROJECT = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))
IMAGES = yaml.safe_load((CLONE / "Pulumi.yaml").read_text())["config"]["images"]["default"]
PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ; (.+?))? \\$", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    """The version of each package that the lock file installs on this machine."""
    found = PIN.findall((CLONE / lock).read_text(encoding="utf-8"))
    return {name: version for name, version, marker in found if applies(marker)}


def applies(marker: str) -> bool:
    return not marker or Marker(marker).evaluate()


def group(name: str) -> list[str]:
    """The requirements of a dependency group, with those of the groups that it includes."""
    found: list[str] = []
    for item in PYPROJECT["dependency-groups"][name]:
        found += [item] if isinstance(item, str) else group(item["include-group"])
    return found


def needed_by(requirements: list[str]) -> set[str]:
    """The packages that installing the requirements brings, by the installed packages' word."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        waiting += map(Requirement, importlib.metadata.requires(name) or [])
    return found


PROGRAM = PYPROJECT["project"]["dependencies"]
ASKED_FOR = {
    "requirements.txt": PROGRAM,
    "requirements-dev.txt": group("dev"),
    "services/requirements.txt": group("services"),
    "toolchain/go.txt": group("go"),
    "toolchain/checkov.txt": group("checkov"),
}


def test_make_lock_writes_every_lock_file() -> None:
    patterns = ("requirements*.txt", "*/requirements*.txt", "toolchain/*.txt")
    kept = {str(path.relative_to(CLONE)) for name in patterns for path in CLONE.glob(name)}
    assert kept == packages.LOCKS.keys() == ASKED_FOR.keys()


@pytest.mark.parametrize("lock", ASKED_FOR)
def test_a_lock_file_pins_the_versions_that_pyproject_names(lock: str) -> None:
    pinned = pins(lock) if lock != "requirements-dev.txt" else pins(lock) | pins("requirements.txt")
    for text in ASKED_FOR[lock]:
        name, version = text.split("==")
        assert pinned.get(name) == version, f"{lock} does not pin {text}. Run `make lock`."


@pytest.mark.parametrize("lock", ASKED_FOR)
def test_a_lock_file_has_hashes_and_names_no_registry(lock: str) -> None:
    text = (CLONE / lock).read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"^(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE), flags=re.M)
    assert all("--hash=sha256:" in block for block in blocks if block)


def test_pulumi_install_brings_what_the_program_needs_and_nothing_else() -> None:
    assert set(pins("requirements.txt")) == needed_by(PROGRAM)


def test_tests_and_commands_add_what_the_program_lacks() -> None:
    program, added = pins("requirements.txt"), pins("requirements-dev.txt")
    assert not program.keys() & added.keys()
    assert set(added) == needed_by(group("dev")) - program.keys()


def test_the_services_image_has_the_versions_that_the_tests_run() -> None:
    tested = pins("requirements.txt") | pins("requirements-dev.txt")
    assert pins("services/requirements.txt").items() <= tested.items()
    assert set(pins("services/requirements.txt")) == needed_by(group("services"))


def go_pin(module: str, path: str) -> str:
    """The version of a Go module that the go.mod of a set of tools requires."""
    text = (MODULES / module / "go.mod").read_text(encoding="utf-8")
    [version] = re.findall(rf"^\s*(?:require )?{re.escape(path)} (v\S+)", text, re.MULTILINE)
    return version


SERVERS = {
    "prometheus": ("prometheus", "github.com/prometheus/prometheus"),
    "alertmanager": ("alertmanager", "github.com/prometheus/alertmanager"),
    "blackbox_exporter": ("blackboxExporter", "github.com/prometheus/blackbox_exporter"),
}


@pytest.mark.parametrize("tool", SERVERS)
def test_the_tests_run_the_version_of_the_image_that_is_deployed(tool: str) -> None:
    image, path = SERVERS[tool]
    deployed = IMAGES[image].rpartition(":")[2]
    [build] = tools.TOOLS[tool]
    [variable] = build.variables
    assert f"v{variable.rpartition('=')[2]}" == deployed, f"{tool} in toolchain/tools.py"
    major, minor, patch = deployed.removeprefix("v").split(".")
    # Prometheus 3.13.5 is the Go module v0.313.5.
    expected = f"v0.{major}{int(minor):02}.{patch}" if image == "prometheus" else deployed
    assert go_pin(build.module, path) == expected, f"toolchain/go/{build.module}/go.mod"


BUILT = {
    "configReloader": "prometheus-config-reloader",
    "kubeStateMetrics": "kube-state-metrics",
}


@pytest.mark.parametrize("image", BUILT)
def test_the_node_runs_the_version_of_the_image_that_is_deployed(image: str) -> None:
    [build] = tools.TOOLS[BUILT[image]]
    program = build.packages[0].partition("/cmd/")[0]
    assert go_pin(build.module, program) == IMAGES[image].rpartition(":")[2]


@pytest.mark.parametrize(("version", "module"), judges.KUBERNETES.items())
def test_a_kubernetes_version_is_judged_by_its_own_specification(version: str, module: str) -> None:
    assert go_pin(module, judges.SPECIFICATION.module).startswith(f"{version}.")


def test_pulumi_reports_the_versions_that_are_built() -> None:
    cli, host = tools.TOOLS["pulumi"]
    for build, path in ((cli, "github.com/pulumi/pulumi/pkg/v3"), (host, tools.PULUMI_SDK)):
        assert build.variables[0] == f"{tools.PULUMI_VERSION}={go_pin(build.module, path)[1:]}"


def test_the_kubernetes_provider_reports_the_version_that_the_program_asks_for() -> None:
    reported = tools.TOOLS["pulumi"][0].variables[1].rpartition("=")[2]
    assert reported == pins("requirements.txt")["pulumi-kubernetes"]


def test_the_services_image_runs_the_python_that_its_lock_is_for() -> None:
    [version] = re.findall(r"python:(3\.\d+)-", Path(CLONE / "Dockerfile").read_text())
    assert version in packages.LOCKS["services/requirements.txt"]
