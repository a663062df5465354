"""Charts: SVG in the colours of the page, the same for the same data."""

import math
import re
from datetime import timedelta

import pytest

from ops import charts
from ops.charts import COLOURS, Axis, Line, Marks, Run, line_chart, strip_chart
from ops.numbers import grafana_value, number, points, span, when
from ops.pages import TEMPLATES
from tests.support.report.report_answers import NOW

START = NOW - timedelta(hours=1)
HOUR = charts.clock_axis(START, NOW)
SHARE = charts.value_axis([0, 1], number)
EVEN = [(START.timestamp() + 60 * step, step % 5 / 5) for step in range(61)]
CSS = (TEMPLATES / "charts.css").read_text()


def draw(*lines: Line, marks: tuple[Marks, ...] = ()) -> str:
    limits = [charts.Limit(0.7), charts.Limit(7)]
    return line_chart(lines, width=360, height=170, x=HOUR, y=SHARE, limits=limits, marks=marks)


def test_the_same_data_is_drawn_the_same() -> None:
    lines = [Line("a", EVEN), Line("b", EVEN[:10])]
    assert draw(*lines) == draw(*lines)


def test_colours_are_those_of_the_page_by_day_and_by_night() -> None:
    svg = draw(*(Line(str(index), EVEN) for index in range(COLOURS)))
    assert not re.findall(r"#[0-9a-f]{3,8}\b", svg)
    names = set(re.findall(r"var\((--[\w-]+)\)", svg))
    assert names == {f"--line-{index}" for index in range(COLOURS)} | {"--bad"}
    for name in [*names, "--rule", "--ink-soft"]:
        assert CSS.count(f"{name}:") == 2, f"charts.css lacks {name}, by day or by night"


def test_lines_beyond_the_colours_are_dashed_and_thresholds_outside_the_range_left_out() -> None:
    svg = draw(*(Line(str(index), EVEN) for index in range(COLOURS + 1)))
    assert len(re.findall(r'class="line" [^>]*stroke-dasharray', svg)) == 1
    assert svg.count('class="limit"') == 1


@pytest.mark.parametrize(
    ("values", "pieces"),
    [
        (EVEN, 1),
        (EVEN[:20] + EVEN[40:], 2),
        ([*EVEN[:20], (EVEN[20][0], math.nan), *EVEN[21:]], 2),
        ([*EVEN[:20], (EVEN[20][0], math.inf), *EVEN[21:]], 2),
    ],
)
def test_a_gap_in_the_data_is_a_gap_in_the_line(
    values: list[tuple[float, float]], pieces: int
) -> None:
    (path,) = re.findall(r'class="line" d="([^"]*)"', draw(Line("a", values)))
    assert path.count("M") == pieces


def test_a_point_without_neighbours_is_a_dot_and_no_point_is_nothing() -> None:
    assert draw(Line("a", EVEN[:1])).count("<circle") == 1
    for nothing in ([], [(EVEN[0][0], math.nan)]):
        svg = draw(Line("a", nothing))
        assert "<circle" not in svg and 'class="line"' not in svg


def test_every_coordinate_is_inside_the_chart_whatever_the_values() -> None:
    wild = [(moment, value * 1e308) for moment, value in EVEN]
    early = [(START.timestamp() - 900, 0.5), *EVEN]
    svg = draw(Line("wild", wild), Line("early", early), marks=(Marks("m", "red", [(0, 9e12)]),))
    for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", svg):
        assert 0 <= float(x) <= 360 and 0 <= float(y) <= 170


def test_text_in_a_chart_is_escaped() -> None:
    hostile = '<script>"'
    axis = Axis(0, 1, [(0, hostile)])
    strips = strip_chart([(hostile, [(Run(0, 1, 1), hostile)])], width=300, height=90, x=axis)
    lines = line_chart([Line(hostile, EVEN)], width=300, height=90, x=axis, y=axis)
    for svg in (strips, lines):
        assert "<script" not in svg and "&lt;script&gt;" in svg


def test_a_run_ends_where_the_value_changes_and_where_samples_are_missing() -> None:
    values = [(1.0, 1.0), (2.0, 1.0), (3.0, 0.0), (7.0, 0.0)]
    assert list(charts.runs(values)) == [(1, 3, 1), (3, 4, 0), (7, 8, 0)]


def test_strips_that_do_not_fit_are_counted_and_long_names_are_cut() -> None:
    rows = [(f"name-{index:02}-{'x' * 99}", [(Run(0, 1, 1), "red")]) for index in range(30)]
    svg = strip_chart(rows, width=300, height=90, x=Axis(0, 1, ()))
    shown = re.findall(r">(name-\d+)-x*…</text>", svg)
    assert 0 < len(shown) < 30 and svg.count('class="strip"') == len(shown)
    assert f">and {30 - len(shown)} more<" in svg


@pytest.mark.parametrize(
    ("hours", "first", "last"),
    [(1, "11:00", "12:00"), (6, "06:00", "12:00"), (24, "12:00", "12:00"), (0.01, "", "12:00:00")],
)
def test_the_clock_is_labelled_at_round_times(hours: float, first: str, last: str) -> None:
    labels = [text for _, text in charts.clock_axis(NOW - timedelta(hours=hours), NOW).ticks]
    assert 2 <= len(labels) <= 8
    assert (not first or labels[0] == first) and labels[-1] == last


def test_midnight_is_labelled_with_the_day() -> None:
    labels = [text for _, text in charts.clock_axis(NOW - timedelta(hours=24), NOW).ticks]
    assert "Oct 23" in labels
    days = [text for _, text in charts.clock_axis(NOW - timedelta(days=14), NOW).ticks]
    assert all(re.fullmatch(r"Oct \d+", text) for text in days)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 1], ["0", "1"]),
        ([0, 0.4], ["0", "0.1", "0.2", "0.3", "0.4"]),
        ([0, 0], ["0", "1"]),
        ([2, 2], ["0", "1", "2"]),
        ([-3, 4], ["-2", "0", "2", "4"]),
        ([0.5, math.nan, math.inf], ["0", "0.2", "0.4"]),
        ([], ["0", "1"]),
        ([1e308, -1e308], ["0", "1"]),
    ],
)
def test_values_are_labelled_at_round_numbers(values: list[float], labels: list[str]) -> None:
    axis = charts.value_axis(values, number)
    assert [text for _, text in axis.ticks] == labels
    assert axis.low < axis.high


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.8625, "0.8625"), (118.7, "118.7"), (1 / 3, "0.3333"), (0.0, "0"), (1e-6, "1e-06"),
        (1045.4, "1\N{NARROW NO-BREAK SPACE}045"), (float("nan"), "NaN"), (float("-inf"), "-∞"),
        (-0.5, "-0.5"), (None, "\N{EN DASH}"), (1e300, "1e+300"),
    ],
)  # fmt: skip
def test_numbers_have_four_significant_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_times_durations_and_scores_are_formatted() -> None:
    assert when(NOW) == "2025-10-23 12:00 UTC"
    assert [span(seconds) for seconds in (40, 720, 11_100, 21_600, 187_200)] == [
        "40 s", "12 min", "3 h 05 min", "6 h", "2 d 4 h",
    ]  # fmt: skip
    assert [points(value) for value in (8.5, 7.0, 0.75)] == ["8.5", "7.0", "0.75"]


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.8625, "none", "0.8625"),
        (42, "none", "42"),
        (0.95, "percentunit", "95%"),
        (118.7, "ms", "119 ms"),
        (1500, "ms", "1.5 s"),
        (0.00174, "s", "1.74 ms"),
        (0, "s", "0 s"),
        (-90, "s", "-1.5 mins"),
        (7200, "s", "2 hours"),
        (259200, "s", "3 days"),
        (1536, "bytes", "1.5 KiB"),
        (0, "bytes", "0 B"),
        (2_500_000, "Bps", "2.5 MB/s"),
        (2.5, "reqps", "2.5 req/s"),
        (3, "cpm", "3 c/m"),
        (3, "widgets", "3 widgets"),
        (float("nan"), "s", "NaN"),
        (float("inf"), "percentunit", "∞"),
    ],
)
def test_a_value_is_shown_in_its_unit(value: float, unit: str, expected: str) -> None:
    assert grafana_value(value, unit) == expected


def test_a_panel_can_set_the_number_of_decimals() -> None:
    assert grafana_value(114.5128, "none", 0) == "115"
    assert grafana_value(0.5, "none", 4) == "0.5000"
