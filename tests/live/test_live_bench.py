"""Each part of `make bench`, at its smallest sizes: it runs, and finds what its table shows."""

import math

import pytest

from bench import __main__ as bench
from bench import pictures

SMALLEST = math.ulp(0)


# `setup_long` is `setup_tests` with empty caches; the others need a node.
@pytest.mark.parametrize("part", [*bench.PARTS, "setup_tests"])
def test_a_part_of_the_benchmarks_runs(part: str) -> None:
    *_, result = bench.run_part(part, bench.measure(part, smoke=True))
    assert result and result.rows
    for row in result.rows:
        # A tool may find no fault, and a process may take less than the kernel's tick of CPU time.
        least = 0 if "faults found" in row.what or "of which the" in row.what else SMALLEST
        assert math.isfinite(row.value) and row.value >= least, row
        assert row.beside_value is None or row.beside_value >= least, row
        assert row.goal is None or row.meets_goal is not None
    for curve in result.curves:
        assert pictures.svg(curve)
