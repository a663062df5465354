"""Packages import in one direction, as decision 15 says."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.support.recording import ROOT

# Package -> our other packages that it may import; "a.b" allows only that module.
ALLOWED: Mapping[str, set[str]] = {
    "problems": set(),
    "kubectl": set(),
    "quantities": set(),
    "schedules": set(),
    "time_zones": set(),
    "yaml_text": set(),
    "promql": {"problems"},
    "templates": {"promql", "problems", "time_zones"},
    "rules": {"promql", "templates", "problems", "yaml_text"},
    "dashboards": {"rules", "promql", "problems"},
    "components": {
        *("promql.durations", "promql.regex", "problems", "quantities", "schedules", "time_zones"),
        "yaml_text",
    },
    "services": set(),
    "stacks": {
        *("components", "rules", "dashboards", "promql", "problems", "kubectl", "quantities"),
        "yaml_text",
    },
    "__main__": {"stacks"},
    "toolchain": {"stacks.secrets", "stacks.images", "rules.reader", "problems"},
    "ops": {
        *("promql", "problems", "kubectl", "quantities", "schedules"),
        *("toolchain.base", "toolchain.browser"),
    },
    "bench": {
        *("ops", "toolchain", "stacks", "components", "services", "rules", "dashboards", "promql"),
        *("problems", "quantities", "yaml_text"),
    },
}


@cache
def sources() -> dict[str, list[Path]]:
    """The files of each top-level package and module of the repository, except tests."""
    found = {path.stem: [path.relative_to(ROOT)] for path in ROOT.glob("*.py")}
    for folder in ROOT.iterdir():
        files = [] if folder.name.startswith(".") else sorted(folder.rglob("*.py"))
        if files and folder.name != "tests":
            found[folder.name] = [path.relative_to(ROOT) for path in files]
    return found


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each import in the file, including those inside functions."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: write the full name of the module."
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def wrong_imports(package: str, allowed: set[str]) -> list[str]:
    ours = sources().keys()
    return [
        f"{path}:{line}: {package} may not import {name}. It may import {sorted(allowed)}."
        for path in sources()[package]
        for line, name in imports(path)
        if name.split(".")[0] in ours - {package}
        and not any(f"{name}.".startswith(f"{module}.") for module in allowed)
    ]


def test_every_package_has_its_place_in_the_order() -> None:
    assert sources().keys() == ALLOWED.keys()


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_the_order_allows(package: str) -> None:
    assert wrong_imports(package, ALLOWED[package]) == []


def test_an_import_against_the_order_is_reported() -> None:
    found = wrong_imports("stacks", ALLOWED["stacks"] - {"components"})
    assert any("stacks may not import components." in problem for problem in found)


def test_the_classes_of_resources_are_loaded_only_when_one_is_declared() -> None:
    loaded = (
        "import sys, stacks.settings, stacks.platform; "
        "print(*(name for name in sys.modules if name.endswith('.v1._inputs')))"
    )
    command = [sys.executable, "-c", loaded]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert found.split() == [], "they take a third of a run: a refused preview needs none of them"


@pytest.mark.parametrize("module", ["stacks.secrets", "stacks.images"])
def test_tools_read_secrets_and_images_with_the_standard_library_alone(module: str) -> None:
    subprocess.run([sys.executable, "-S", "-c", f"import {module}"], cwd=ROOT, check=True)
