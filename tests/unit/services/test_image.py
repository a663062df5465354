"""The image of the services, checked from its files without a container engine."""

import ast
import json
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from components.pods import USER_ID
from tests.support.recording import STACKS, stack_values
from tests.support.series import ROOT

LOCK = "services/requirements.txt"


@cache
def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its arguments."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in lines if line[:1] != "#"))
    split = [line.split(maxsplit=1) for line in joined.splitlines() if line]
    return [(keyword, arguments) for keyword, arguments in split]


def arguments(keyword: str) -> list[str]:
    return [rest for found, rest in instructions() if found == keyword]


def copies() -> list[list[str]]:
    return [rest.split() for rest in arguments("COPY")]


def runs() -> list[list[str]]:
    return [json.loads(rest) for rest in arguments("RUN")]


def locked() -> set[str]:
    """The packages of the lock file, by their normalised names."""
    found = re.findall(r"^([\w.-]+)==", (ROOT / LOCK).read_text(), re.MULTILINE)
    return {name.lower().replace("_", "-") for name in found}


distributions = cache(packages_distributions)


def test_every_file_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    sent = {line[1:] for line in ignored if line.startswith("!")}
    sources = [copy[0] for copy in copies() if not copy[0].startswith("--from")]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert Path(source).parts[0] in sent, f"{source}: add !{source} to .dockerignore"


def test_the_image_runs_as_the_user_of_the_pods() -> None:
    assert arguments("USER") == [f"{USER_ID}:{USER_ID}"]
    after = instructions()[[keyword for keyword, _ in instructions()].index("USER") :]
    assert not {"RUN", "COPY", "ADD"} & {keyword for keyword, _ in after}


def test_no_command_needs_a_shell() -> None:
    for keyword in ("RUN", "ENTRYPOINT", "CMD"):
        assert arguments(keyword)
        for rest in arguments(keyword):
            assert isinstance(json.loads(rest), list), f"{keyword} {rest}: write a JSON list"


def test_packages_come_from_the_lock_file_alone_with_their_hashes() -> None:
    (install,) = [run for run in runs() if "install" in run]
    assert "--require-hashes" in install
    target = install[install.index("--requirement") + 1]
    assert [LOCK, target] in copies()
    pins = re.findall(r"^[\w.-]+==(?:.*\\\n)+.*", (ROOT / LOCK).read_text(), re.MULTILINE)
    assert len(pins) == len(locked()) and all("--hash=sha256:" in pin for pin in pins)


def test_the_services_run_with_the_installed_packages() -> None:
    (made,) = [run[-1] for run in runs() if "venv" in run]
    (install,) = [run for run in runs() if "install" in run]
    assert install[install.index("--python") + 1] == f"{made}/bin/python"
    assert ["--from=build", made, made] in copies()
    (environment,) = arguments("ENV")
    assert f"PATH={made}/bin:" in environment


def test_the_lock_file_holds_every_package_of_the_group_services() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {pin.partition("==")[0] for pin in project["dependency-groups"]["services"]}
    assert asked <= locked()


@pytest.mark.parametrize(
    "file",
    sorted((ROOT / "services").rglob("*.py")),
    ids=lambda file: file.relative_to(ROOT).as_posix(),
)
def test_a_service_imports_only_packages_of_the_image(file: Path) -> None:
    roots = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(file.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    for root in roots - sys.stdlib_module_names - {"services"}:
        names = {name.lower().replace("_", "-") for name in distributions().get(root, [])}
        assert names & locked(), f"{root} is not in {LOCK}: add it to the group services"


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_starts_only_programs_of_the_image(stack: str) -> None:
    settings = stack_values(stack)["vaultmesh:settings"]
    started = {**settings["workloads"], **settings.get("cronJobs", {})}
    ours = {name: run["command"] for name, run in started.items() if "image" not in run}
    assert ours
    for name, command in ours.items():
        assert command[:2] == ["python", "-m"] and is_program(command[2]), f"{name}: {command}"


def test_the_image_starts_one_of_its_programs_by_default() -> None:
    (entry,), (default,) = arguments("ENTRYPOINT"), arguments("CMD")
    assert json.loads(entry) == ["python", "-m"]
    (module,) = json.loads(default)
    assert is_program(module)


def is_program(module: str) -> bool:
    """Whether services/ holds the module, and `python -m` can run it."""
    spec = find_spec(f"{module}.__main__") if module.startswith("services.") else None
    return spec is not None and Path(spec.origin or "").is_relative_to(ROOT / "services")
