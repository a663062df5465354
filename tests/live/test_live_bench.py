"""Each part of `make bench`, at its smallest sizes: it runs, and finds what its table shows."""

import math

import pytest

from bench import __main__ as bench
from bench import pictures


@pytest.mark.parametrize("part", bench.PARTS)
def test_a_part_of_the_benchmarks_runs(part: str) -> None:
    *_, result = bench.run_part(part, bench.measure(part, smoke=True))
    assert result.rows
    for row in result.rows:
        # A tool may find no fault.
        may_be_0 = "faults found" in row.what
        assert math.isfinite(row.value) and (row.value > 0 or may_be_0), row
        assert row.beside_value is None or row.beside_value > 0, row
        assert row.goal is None or row.meets_goal is not None
    for curve in result.curves:
        assert pictures.svg(curve)
