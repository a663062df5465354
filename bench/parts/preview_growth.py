"""How previews grow with rules, workloads and dashboards, and how fast rules are checked."""

import gc
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.measuring import Use, in_turns, measured_row, run_planned
from bench.peer_programs import preview_ours
from bench.program import copy_of_the_program
from bench.results import Curve, Finding, Goal, Row
from bench.rule_copies import check, write_copies
from promql.expressions import parse
from promql.regex import compile_regex
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
from promql.expressions import parse
from promql.regex import compile_regex
from stacks.program import run


def enlarged(rulebook, problems):
    # Copies of alerts stand in no panel, so what all_dashboards reports is dropped.
    boards = []
    for copy in range(@COPIES@):
        # Each copy has the same queries, and they would be parsed once.
        parse.cache_clear()
        compile_regex.cache_clear()
        boards += [
            replace(board, filename=f"{copy}-{board.filename}", uid=f"{board.uid}-{copy}")
            for board in all_dashboards(rulebook, Problems())
        ]
    return tuple(boards)


stacks.files.all_dashboards = enlarged
run()
"""
"""The title page of a program that builds and declares all dashboards several times."""
COPIED_WORKLOAD = "aurora-treaty"
LINEAR = Goal(comparison="≤", limit=1.3)
"""Linear growth: the last costs as much as the first; the rest is what medians still scatter."""
RATE = Goal(comparison="≥", limit=5000)


def measure(*, smoke: bool) -> Iterator[Finding]:
    """Previews of larger programs, and the rate at which their rules are checked."""
    sizes, rounds = ((2,), 1) if smoke else ((10, 20), 3)
    yield from growth(sizes, rounds)
    yield from rates(sizes, rounds)


def growth(sizes: Sequence[int], rounds: int) -> Iterator[Finding]:
    """Previews of the program as it is, and with `sizes` times the rules, workloads or dashboards.

    They take turns; each point of the curves is a median. With two sizes or more, the cost of one
    more of a kind is compared at the last two sizes and at the first two, of which 1 is one.
    """
    with copy_of_the_program() as root:
        _enlarge_dashboards(root, 1)
        # The first run compiles the copy's modules.
        _preview(root)
        cases = [(name, size) for name in ENLARGE for size in sizes]
        as_it_is, *larger = in_turns(
            rounds,
            lambda: _preview(root),
            *(lambda case=case: _enlarged(root, ENLARGE[case[0]], case[1]) for case in cases),
        )
    found = {name: {1: as_it_is} for name in ENLARGE}
    for (name, size), uses in zip(cases, larger, strict=True):
        found[name][size] = uses
    for name, uses in found.items():
        if len(sizes) > 1:
            costs = {size: [use.cpu_seconds for use in each] for size, each in uses.items()}
            yield marginal(name, costs)
    for field, unit in (("seconds", "wall time"), ("cpu_seconds", "CPU time")):
        yield Curve(
            name=f"preview-growth-{field.replace('_', '-')}",
            title=f"Preview of local, {unit}",
            size="times as many",
            unit="s",
            lines={
                name: [
                    (size, statistics.median(getattr(use, field) for use in each))
                    for size, each in uses.items()
                ]
                for name, uses in found.items()
            },
        )


def marginal(name: str, costs: Mapping[int, Sequence[float]]) -> Row:
    """The CPU time of one more copy of the content in the largest program and in small ones.

    `costs` has the seconds of each round by the number of copies. Both values leave out what a
    preview costs whatever it declares, which would hide any growth.
    """
    first, second, *_ = costs
    *_, last_but_one, last = costs

    def each_copy(few: int, many: int) -> list[float]:
        rounds = zip(costs[few], costs[many], strict=True)
        return [(more - less) / (many - few) for less, more in rounds]

    return measured_row(
        each_copy(last_but_one, last),
        each_copy(first, second),
        what=f"CPU time of one more copy of the {name}, between {last_but_one} and {last} copies",
        unit="s",
        beside=f"between {first} and {second} copies",
        goal=LINEAR,
    )


def rates(sizes: Sequence[int], rounds: int) -> Iterator[Finding]:
    """Rules that are read, parsed and checked a second of CPU time, at each size."""
    points: list[tuple[float, float]] = []
    for size in (1, *sizes):
        with tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as folder:
            write_copies(Path(folder), size)
            found = [_checked(Path(folder)) for _ in range(rounds)]
        row = measured_row(
            [rules / seconds for rules, seconds in found],
            what=f"rules checked a second of CPU time, of {found[0][0]}",
            goal=RATE,
            note="read, parsed and checked as preview does",
        )
        if size in (1, sizes[-1]):
            yield row
        points.append((found[0][0], row.value))
    yield Curve(
        name="rules-a-second",
        title="Rules checked a second of CPU time",
        size="rules",
        unit="short",
        lines={"rules a second": points},
    )


def _checked(root: Path) -> tuple[int, float]:
    """(rules, CPU seconds of their check), without garbage collection, as in the program.

    Nothing that an earlier check has parsed is known.
    """
    parse.cache_clear()
    compile_regex.cache_clear()
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        rules = check(root)
        return rules, time.process_time() - started
    finally:
        gc.enable()


def _enlarged(root: Path, enlarge: Callable[[Path, int], None], size: int) -> Use:
    """What the preview of this size took; the program is as large as before afterwards."""
    enlarge(root, size)
    used = _preview(root)
    enlarge(root, 1)
    return used


def _preview(root: Path) -> Use:
    return run_planned(preview_ours(root))


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
    settings["prometheus"]["storage"] = "50Gi"
    settings["quota"] = {"pods": 500, "cpu": "100", "memory": "200Gi", "memoryLimit": "200Gi"}
    path.write_text(dump_yaml(stack), encoding="utf-8")


ENLARGE: Mapping[str, Callable[[Path, int], None]] = {
    "rules": _enlarge_rules,
    "workloads": _enlarge_workloads,
    "dashboards": _enlarge_dashboards,
}
"""How each kind of content of a copy of the program is multiplied."""
