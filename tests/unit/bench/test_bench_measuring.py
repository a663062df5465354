"""A program's time and memory, its end, and programs that take turns."""

import os
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from bench.measuring import Use, comparison, group, in_turns, measured_row, output, run
from bench.results import Goal
from toolchain.base import UserError

MIB = 2**20


def test_a_run_reports_the_program_s_own_use_and_not_that_of_who_measures_it(
    tmp_path: Path,
) -> None:
    ballast = bytearray(200 * MIB)
    ballast[::4096] = b"x" * len(ballast[::4096])
    small = run(["/bin/sh", "-c", "exit 0"], cwd=tmp_path, env={})
    assert small.peak_bytes < 50 * MIB, "the memory of the tests counts as that of the shell"
    code = f"x = bytearray({100 * MIB}); x[::4096] = b'x' * len(x[::4096])"
    large = run([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, env=os.environ)
    assert large.peak_bytes > 100 * MIB
    assert large.cpu_seconds > 0
    assert small.seconds > 0


def test_a_program_that_fails_is_reported_with_its_messages(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such luck"):
        run(["/bin/sh", "-c", "echo no such luck; exit 3"], cwd=tmp_path, env={})


def test_sides_take_turns() -> None:
    order: list[str] = []
    found = in_turns(2, lambda: order.append("a") or 1, lambda: order.append("b") or 2)
    assert (found, order) == ([[1, 1], [2, 2]], ["a", "b", "a", "b"])


def test_a_program_and_all_that_it_started_end_with_the_measurement(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/child; echo started; wait"
    with pytest.raises(KeyboardInterrupt), group(["/bin/sh", "-c", script], stdout=PIPE) as shell:
        assert shell.stdout
        assert shell.stdout.readline() == "started\n"
        raise KeyboardInterrupt
    command = Path("/proc", (tmp_path / "child").read_text().strip(), "cmdline")
    # Empty while it ends, and for a zombie.
    assert not command.exists() or not command.read_text()


def test_a_program_that_takes_too_long_is_reported() -> None:
    with pytest.raises(UserError, match=r"sleep 1000: no end after 0.1 s"):
        output(["sleep", "1000"], timeout=0.1)


def use(seconds: float) -> Use:
    return Use(seconds=seconds, cpu_seconds=2 * seconds, peak_bytes=1000 * seconds)


def test_programs_are_compared_by_medians_and_a_goal_holds_for_the_wall_time() -> None:
    twice = Goal(comparison="≤", limit=2)
    rows = list(comparison("a", [use(3), use(5), use(4)], "b", [use(2)] * 3, goal=twice))
    assert [(row.value, row.beside_value) for row in rows] == [(4, 2), (8, 4), (4000, 2000)]
    assert [row.meets_goal for row in rows] == [True, None, None]
    assert {(row.runs, row.spread) for row in rows} == {(3, (1.5, 2.5))}


def test_a_side_that_takes_less_than_a_tick_has_no_ratio() -> None:
    row = measured_row([0.01, 0.01, 0.02], [0, 0, 0.01], what="a", beside="b", unit="s")
    assert (row.ratio, row.spread) == (None, (0.01, 0.02))
