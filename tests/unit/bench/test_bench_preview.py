"""The arithmetic of the part `preview`, and the programs that it enlarges."""

from pathlib import Path

import yaml

from bench import preview, preview_growth, preview_phases
from bench.measuring import Use
from tests.support.recording import ROOT

MESSAGES = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |     pulumi.runtime
import time:       250 |        350 |   pulumi
import time:      4000 |       4000 |   pydantic_core._pydantic_core
a warning of somebody
import time:        50 |       4400 | rules.rule
import time:         7 |          7 | zipimport
"""


def use(seconds: float) -> Use:
    return Use(seconds=seconds, cpu_seconds=2 * seconds, peak_bytes=1000 * seconds)


def test_imports_are_added_up_by_package() -> None:
    times = preview_phases.import_times(MESSAGES)
    found = preview_phases.by_package(times, {"rules"})
    rounded = {name.removeprefix("import of "): round(each * 1e6) for name, each in found.items()}
    assert rounded == {"pydantic": 4000, "pulumi": 350, "our own modules": 50, "all else": 7}
    assert list(rounded) == ["pydantic", "pulumi", "our own modules", "all else"]


def test_each_phase_is_the_median_of_its_runs() -> None:
    runs = [{"a": 3.0, "b": 1.0}, {"a": 1.0, "b": 9.0}, {"a": 2.0, "b": 2.0}]
    assert preview_phases.medians(runs) == {"a": 2.0, "b": 2.0}


def test_only_the_wall_time_of_a_preview_has_a_goal() -> None:
    rows = list(preview.beside_empty("ours", [use(3), use(5), use(4)], [use(2)] * 3))
    assert [(row.value, row.beside_value) for row in rows] == [(4, 2), (8, 4), (4000, 2000)]
    assert [row.meets_goal for row in rows] == [True, None, None]
    (wall, *_) = preview.beside_empty("ours", [use(4.1)], [use(2)])
    assert wall.meets_goal is False


def test_the_largest_program_may_cost_as_many_times_as_it_is_large() -> None:
    row = preview_growth.compared("rules", {1: use(1), 5: use(4), 10: use(10)})
    assert (row.value, row.beside_value, row.meets_goal) == (20, 2, True)
    assert preview_growth.compared("rules", {1: use(1), 10: use(10.1)}).meets_goal is False


def test_workloads_are_multiplied_in_the_stack_s_own_file(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.local.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    for size, added in ((3, 8), (1, 0)):
        preview_growth.ENLARGE["workloads"](tmp_path, size)
        stack = yaml.safe_load((tmp_path / "Pulumi.local.yaml").read_text(encoding="utf-8"))
        assert len(stack["config"]["vaultmesh:settings"]["workloads"]) == added
