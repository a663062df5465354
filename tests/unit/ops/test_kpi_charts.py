"""The charts: of what was, in the page's own colours, the same for the same data."""

import math
import re
from datetime import timedelta
from pathlib import Path

from ops.report import render
from ops.report.chart_table import CHARTS
from ops.report.document import Figure, Figures
from ops.report.drawing import COLOURS, Line, draw
from ops.report.inventory import series_in
from tests.support.kpi_answers import NOW, past, rule_groups
from tests.support.kpi_platform import Platform, report_on
from tests.unit.ops.test_kpi_report import section

START = NOW - timedelta(hours=1)
EVEN = [(START.timestamp() + 60 * step, step % 5 / 5) for step in range(61)]
CSS = (Path(render.TEMPLATES) / "report.css").read_text()


def figures(platform: Platform, rendered: Path) -> list[Figure]:
    (block,) = section(report_on(platform, rendered)[0], "charts").blocks
    assert isinstance(block, Figures)
    return list(block.figures)


def drawn(lines: list[Line], prefix: str = "a") -> str:
    return draw(lines, start=START, end=NOW, limits=[0.7], shares=True, prefix=prefix)


def test_every_chart_of_the_table_is_drawn_with_its_thresholds(rendered: Path) -> None:
    made = figures(Platform(past=past), rendered)
    assert [one.title.split(",")[0] for one in made] == [chart.title for chart in CHARTS]
    for chart, figure in zip(CHARTS, made, strict=True):
        assert ("Threshold" in figure.alt) == bool(chart.limits), chart.title
        assert figure.svg.count("var(--bad)") >= len(chart.limits)


def test_every_chart_shows_what_rules_record_or_the_platform_exports() -> None:
    known = {rule["name"] for group in rule_groups() for rule in group["rules"]}
    for chart in CHARTS:
        names = {name for text in series_in(chart.query) for name in text.split("|")}
        assert names <= known | {"psi_field_prediction_error", "ALERTS"}, chart.title
        assert set(chart.limits) <= known


def test_the_same_data_is_drawn_the_same() -> None:
    lines = [Line("a", EVEN), Line("b", EVEN[:10])]
    assert drawn(lines) == drawn(lines)


def test_colours_are_the_pages_and_ids_the_charts() -> None:
    svg = drawn([Line(str(index), EVEN) for index in range(len(COLOURS))])
    assert not re.findall(r"#[0-9a-f]{6}\b", svg.replace("#000000", ""))
    for name in set(re.findall(r"var\((--[\w-]+)\)", svg)):
        assert CSS.count(f"{name}:") >= 2, f"report.css lacks {name}, by day or by night"
    assert set(re.findall(r'\bid="(\w+)-', svg)) == {"a"}
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    assert used <= set(re.findall(r'\bid="([^"]+)"', svg))


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    def pieces(points: list[tuple[float, float]]) -> int:
        svg = drawn([Line("a", points)])
        path = next(
            found for found in re.findall(r'<path d="([^"]*)"[^>]*?var\(--line-0\)', svg, re.DOTALL)
            if found.count("L") > 3
        )  # fmt: skip
        return path.count("M")

    assert pieces(EVEN) == 1
    assert pieces(EVEN[:20] + EVEN[40:]) == 2
    assert pieces([*EVEN[:20], (EVEN[20][0], math.nan), *EVEN[21:]]) == 2


def test_a_single_point_and_no_point_can_be_drawn(rendered: Path) -> None:
    assert "<svg" in drawn([Line("a", EVEN[:1])])
    nothing = Platform(past=lambda _: [{"metric": {"pod": "a"}, "values": [[1.0, "NaN"]]}])
    assert figures(nothing, rendered) == []
    intro = section(report_on(nothing, rendered)[0], "charts").intro
    assert all(chart.title in intro for chart in CHARTS)


def test_more_lines_than_colours_are_in_the_table_and_said(rendered: Path) -> None:
    many = [
        {"metric": {chart.by: f"line-{index:02}" for chart in CHARTS}, "values": EVEN}
        for index in range(12)
    ]
    figure = figures(Platform(past=lambda _: many), rendered)[0]
    assert len(figure.legend) == len(COLOURS)
    assert len(figure.table.rows) == 12
    assert "4 more lines are in the table only" in figure.alt
