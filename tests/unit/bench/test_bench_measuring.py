"""What a run of a program used, and turns."""

import os
import sys
from pathlib import Path

import pytest

from bench.measuring import in_turns, run
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
