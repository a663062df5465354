"""The arithmetic of the phases and the growth of previews, and the programs that are enlarged."""

from pathlib import Path

import yaml

from bench.parts import preview_growth, preview_phases
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


def test_imports_are_added_up_by_package() -> None:
    times = preview_phases.import_times(MESSAGES)
    found = preview_phases.by_package(times, {"rules"})
    rounded = {name.removeprefix("import of "): round(each * 1e6) for name, each in found.items()}
    assert rounded == {"pydantic": 4000, "pulumi": 350, "our own modules": 50, "all else": 7}
    assert list(rounded) == ["pydantic", "pulumi", "our own modules", "all else"]


def test_a_phase_says_which_clock_measured_it() -> None:
    phase = preview_phases.phase([3.0, 1.0, 2.0], "import of pulumi")
    assert phase.cells()[:2] == ("import of pulumi (wall time; 3 runs)", "2 s (1 s to 3 s)")
    assert preview_phases.phase([1.0], "all imports").note == "CPU time"
    assert preview_phases.phase([2.0**20], "peak_bytes").unit == "bytes"


def test_growth_is_judged_without_what_every_preview_costs() -> None:
    row = preview_growth.marginal("rules", {1: [100, 100], 5: [108, 104], 10: [118, 114]})
    assert (row.value, row.beside_value, row.spread) == (2, 1.5, (1, 2))
    assert row.meets_goal is False
    linear = preview_growth.marginal("rules", {1: [100], 5: [108], 10: [118]})
    assert linear.meets_goal
    quadratic = preview_growth.marginal("rules", {1: [101], 5: [125], 10: [200]})
    assert quadratic.meets_goal is False


def test_workloads_are_multiplied_in_the_stack_s_own_file(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.local.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    for size, added in ((3, 8), (1, 0)):
        preview_growth.ENLARGE["workloads"](tmp_path, size)
        stack = yaml.safe_load((tmp_path / "Pulumi.local.yaml").read_text(encoding="utf-8"))
        assert len(stack["config"]["vaultmesh:settings"]["workloads"]) == added
