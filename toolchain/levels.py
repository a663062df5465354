"""Runs each test level in its own pytest process and summarises the results."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from toolchain import browser, judges, stacks, tools
from toolchain.base import CLONE, VENV_PYTHON, UserError, run_and_wait, state
from toolchain.node import host, images
from toolchain.progress import duration

NOTHING_SELECTED = 5
"""Pytest's exit code if no test is selected, which is fine for a single level, as with `-k`."""
CLUSTER = "cluster"
"""The level that needs a Kubernetes node, which only root on Linux can run."""
PARALLEL = ("--numprocesses=auto", "--maxprocesses=4")


@dataclass(frozen=True, kw_only=True)
class Level:
    """A folder of `tests/`: its purpose, options for pytest, and required tools."""

    checks: str
    options: tuple[str, ...] = ()
    pulumi: bool = True
    tools: tuple[str, ...] = ()
    browser: bool = False
    judges: bool = False
    node: bool = False


LEVELS = {
    "unit": Level(
        checks="components and the whole program, on Pulumi's mocks",
        options=(*PARALLEL, "--dist=loadscope"),
        pulumi=False,
    ),
    "rules": Level(
        checks="promtool and amtool on the bytes that are provisioned",
        options=(*PARALLEL, "--dist=worksteal"),
        tools=tools.SERVERS,
    ),
    "verdicts": Level(
        checks="what preview accepts and refuses, against the servers' own code",
        options=(*PARALLEL, "--dist=worksteal"),
        pulumi=False,
        tools=tools.VERDICTS,
    ),
    "engine": Level(
        checks="the real Pulumi engine, and judges of what it renders",
        options=(*PARALLEL, "--dist=loadfile"),
        tools=tools.JUDGES,
        judges=True,
    ),
    "live": Level(
        checks="the services, Prometheus and Alertmanager as processes on loopback",
        options=(*PARALLEL, "--dist=loadfile"),
        tools=(*tools.SERVERS, "vegeta", "jsonnet"),
        browser=True,
    ),
    # One node, which most tests change: they run one after the other.
    CLUSTER: Level(checks="a real Kubernetes node on this machine", node=True),
}


def run(names: Iterable[str], arguments: list[str]) -> int:
    """Run the levels with additional arguments for pytest. Returns the worst exit code.

    Arguments that are paths below `tests/` select their levels, instead of `names`, and replace the
    level's folder.
    Raises UserError if a tool can't be built, or if no test is selected.
    """
    paths = {name: [path for path in arguments if _level_of(path) == name] for name in LEVELS}
    names = [name for name in LEVELS if paths[name]] or names
    options = [argument for argument in arguments if not _level_of(argument)]
    environments = {name: _environment(LEVELS[name]) for name in names}
    codes: dict[str, int] = {}
    summary: list[str] = []
    for name, environment in environments.items():
        print(f"tests/{name}: {LEVELS[name].checks}", flush=True)
        report = state() / "tests" / f"{name}.xml"
        report.unlink(missing_ok=True)
        command = [str(VENV_PYTHON), "-m", "pytest", *LEVELS[name].options, f"--junitxml={report}"]
        started = time.monotonic()
        codes[name] = run_and_wait(
            [*command, *(paths[name] or [f"tests/{name}"]), *options], environment, CLONE
        )
        took = duration(time.monotonic() - started)
        summary.append(f"{name:<10}{_counts(report):<36}{took:>12}")
    print("\n".join(summary), flush=True)
    if set(codes.values()) <= {NOTHING_SELECTED}:
        raise UserError(f"no test is selected by {' '.join(arguments)}. Name tests that exist.")
    return max(code for code in codes.values() if code != NOTHING_SELECTED)


def _level_of(argument: str) -> str | None:
    """The level that a path such as `tests/unit/rules/test_rulebook.py::test_x` belongs to."""
    parts = Path(argument.partition("::")[0]).parts
    return parts[1] if len(parts) > 1 and parts[0] == "tests" and parts[1] in LEVELS else None


def _environment(level: Level) -> Mapping[str, str]:
    """The environment with the level's tools on PATH; builds or installs them first."""
    if level.browser:
        browser.ensure()
    if level.judges:
        judges.ensure()
    if level.node:
        host.ensure()
        images.build()
    environment = stacks.base_environment()[0] if level.pulumi else stacks.python_environment()
    folders = tools.folders([*level.tools, *(tools.NODE if level.node else ())])
    return {**environment, "PATH": tools.on_path(folders, environment["PATH"])}


def _counts(report: Path) -> str:
    """The numbers of passed, failed and skipped tests, from pytest's XML report."""
    if not report.exists():
        return "did not run"
    [suite] = ElementTree.parse(report).getroot()  # noqa: S314 - pytest wrote it
    number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    passed = number.pop("tests") - sum(number.values())
    counted = [f"{passed} passed", *(f"{count} {key}" for key, count in number.items() if count)]
    return ", ".join(counted)
