"""How far back each selector of an expression reads."""

import pytest

from promql.expressions import parse
from promql.lookback import find_reaches

MINUTE = 60_000
# Expression -> minutes from the evaluation back to the first sample that each selector reads.
REACHES = {
    "up": [0],
    "up offset 5m": [5],
    "up offset -5m": [-5],
    "max_over_time(up[10m])": [10],
    "max_over_time(up[10m] offset 5m)": [15],
    "max_over_time(up[10m] offset -5m)": [5],
    "max_over_time(up[10m:1m])": [10],
    "max_over_time(up[10m:1m] offset 5m)": [15],
    "max_over_time(rate(up[5m])[10m:1m])": [15],
    "max_over_time(rate(up[5m] offset 1h)[10m:1m] offset 1d)": [24 * 60 + 60 + 15],
    "max_over_time(max_over_time(up[3m:1m])[10m:1m])": [13],
    "max_over_time((up offset 5m)[10m:])": [15],
    "rate(up[5m]) / rate(up[1h])": [60, 5],
    "sum(up) + max_over_time(up[10m])": [10, 0],
    "up @ end()": [0],
    "max_over_time(rate(up[5m] @ end())[10m:1m])": [5],
    "max_over_time(rate(up[5m])[10m:1m] @ start())": [15],
    "absent_over_time(up[30d])": [30 * 24 * 60],
}


@pytest.mark.parametrize("text", REACHES)
def test_ranges_and_offsets_add_up_along_the_path(text: str) -> None:
    found = [reach.begin for reach in find_reaches(parse(text).tree)]
    assert found == [minutes * MINUTE for minutes in REACHES[text]]


@pytest.mark.parametrize(
    "text",
    [
        "up @ 1609746000",
        "rate(up[5m] @ 1609746000)",
        "max_over_time(rate(up[5m])[10m:1m] @ 1609746000)",
        "max_over_time(rate(up[5m] @ 1609746000)[10m:1m])",
    ],
)
def test_a_fixed_time_counts_for_all_that_it_encloses(text: str) -> None:
    (reach,) = find_reaches(parse(text).tree)
    assert reach.fixed == 1_609_746_000


def test_an_inner_time_replaces_an_outer_one() -> None:
    text = "max_over_time(rate(up[5m] @ end())[10m:1m] @ 1609746000)"
    (reach,) = find_reaches(parse(text).tree)
    assert reach.fixed is None
