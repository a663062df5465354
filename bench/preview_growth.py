"""How previews grow with rules, workloads and dashboards, and how fast rules are checked."""

import gc
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.edits import copy_of_the_program
from bench.measuring import Use, run
from bench.peers import check
from bench.results import Curve, Finding, Goal, Row
from bench.rule_copies import write_copies
from promql.expressions import parse
from rules.checks import RUNBOOKS
from rules.rulebook import ALERTS, PLATFORM
from toolchain import stacks
from yaml_text import dump_yaml

ENLARGED = """\
import gc

gc.disable()

from dataclasses import replace

import stacks.files
from dashboards.catalog import all_dashboards
from problems import Problems
from stacks.program import run


def enlarged(rulebook, problems):
    # Copies of alerts stand in no panel, so what all_dashboards reports is dropped.
    return tuple(
        replace(board, filename=f"{copy}-{board.filename}", uid=f"{board.uid}-{copy}")
        for copy in range(@COPIES@)
        for board in all_dashboards(rulebook, Problems())
    )


stacks.files.all_dashboards = enlarged
run()
"""
"""The title page of a program that builds and declares all dashboards several times."""
COPIED_WORKLOAD = "aurora-treaty"
RATE = Goal(comparison="≥", limit=5000)


def growth(sizes: Sequence[int]) -> Iterator[Finding]:
    """Previews of the program as it is, and with `sizes` times the rules, workloads or dashboards.

    Each is measured once; wall and CPU time are curves, and the last size is compared with the
    program as it is.
    """
    with copy_of_the_program() as root:
        _enlarge_dashboards(root, 1)
        # The first run compiles the copy's modules.
        _preview(root)
        base = _preview(root)
        uses = {name: {1: base, **_enlarged(root, kind, sizes)} for name, kind in ENLARGE.items()}
    for name, found in uses.items():
        yield compared(name, found)
    for field, unit in (("seconds", "wall time"), ("cpu_seconds", "CPU time")):
        yield Curve(
            name=f"preview_growth_{field}",
            title=f"Preview of local, {unit}",
            size="times as many",
            unit="s",
            lines={
                name: [(size, getattr(use, field)) for size, use in found.items()]
                for name, found in uses.items()
            },
        )
    yield from rates(sizes)


def compared(name: str, found: Mapping[int, Use]) -> Row:
    """The CPU time of the largest program beside that of size 1; at most linear growth is the goal.

    Linear means: as many times the cost as the size, of a cost that also has a fixed part.
    """
    largest = max(found)
    return Row(
        what=f"preview of {largest} times the {name}, CPU time",
        value=found[largest].cpu_seconds,
        unit="s",
        beside="of local as it is",
        beside_value=found[1].cpu_seconds,
        goal=Goal(comparison="≤", limit=largest),
    )


def rates(sizes: Sequence[int]) -> Iterator[Finding]:
    """Rules that are read, parsed and checked a second of CPU time, at each size."""
    points: list[tuple[float, float]] = []
    for size in (1, *sizes):
        with tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as folder:
            write_copies(Path(folder), size)
            parse.cache_clear()
            rules, seconds = _cpu(lambda folder=folder: check(Path(folder)))
        points.append((rules, rules / seconds))
    for rules, rate in (points[0], points[-1]):
        yield Row(
            what=f"rules checked a second of CPU time, of {rules:g}",
            value=rate,
            goal=RATE,
            note="read, parsed and checked as preview does",
        )
    yield Curve(
        name="rules_a_second",
        title="Rules checked a second of CPU time",
        size="rules",
        unit="short",
        lines={"rules a second": points},
    )


def _cpu(function: Callable[[], int]) -> tuple[int, float]:
    """The result and CPU seconds of one call, without garbage collection, as in the program."""
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        result = function()
        return result, time.process_time() - started
    finally:
        gc.enable()


def _enlarged(
    root: Path, enlarge: Callable[[Path, int], None], sizes: Sequence[int]
) -> dict[int, Use]:
    """What the previews of the sizes took; the program is as large as before afterwards."""
    found = {}
    for size in sizes:
        enlarge(root, size)
        found[size] = _preview(root)
    enlarge(root, 1)
    return found


def _preview(root: Path) -> Use:
    program = stacks.plan("preview", stacks.LOCAL, [], root=root)
    return run(program.command, cwd=root, env=program.environment)


def _enlarge_rules(root: Path, size: int) -> None:
    for folder in (ALERTS, PLATFORM, RUNBOOKS):
        shutil.rmtree(root / folder)
    write_copies(root, size)


def _enlarge_dashboards(root: Path, size: int) -> None:
    page = ENLARGED.replace("@COPIES@", str(size))
    (root / "__main__.py").write_text(page, encoding="utf-8")


def _enlarge_workloads(root: Path, size: int) -> None:
    """All workloads are `size` times as many; the copies are of one that calls no other."""
    project = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))
    path = root / f"Pulumi.{stacks.LOCAL}.yaml"
    stack = yaml.safe_load(path.read_text(encoding="utf-8"))
    known: Mapping[str, Any] = project["config"]["shared"]["default"]["workloads"]
    settings = stack["config"][f"{project['name']}:settings"]
    copies = len(known) * (size - 1)
    settings["workloads"] = {
        f"{COPIED_WORKLOAD}-{copy}": known[COPIED_WORKLOAD] for copy in range(copies)
    }
    settings["quota"] = {"pods": 500, "cpu": "100", "memory": "200Gi", "memoryLimit": "200Gi"}
    path.write_text(dump_yaml(stack), encoding="utf-8")


ENLARGE: Mapping[str, Callable[[Path, int], None]] = {
    "rules": _enlarge_rules,
    "workloads": _enlarge_workloads,
    "dashboards": _enlarge_dashboards,
}
"""How each kind of content of a copy of the program is multiplied."""
