"""The charts of the report: which there are, with their thresholds and numbers."""

from pathlib import Path

from ops.charts import COLOURS
from ops.report.document import Figure, Figures
from ops.report.history import CHARTS
from ops.report.metrics import series_in
from tests.support.report.report_answers import range_series, rule_groups
from tests.support.report.report_platform import Platform, find_section, report_on
from tests.unit.ops.test_charts import EVEN


def figures(platform: Platform, rendered: Path) -> list[Figure]:
    (block,) = find_section(report_on(platform, rendered)[0], "charts").blocks
    assert isinstance(block, Figures)
    return list(block.figures)


def test_every_chart_of_the_table_is_drawn_with_its_thresholds(rendered: Path) -> None:
    made = figures(Platform(past=range_series), rendered)
    assert [one.title.split(",")[0] for one in made] == [chart.title for chart in CHARTS]
    for chart, figure in zip(CHARTS, made, strict=True):
        assert ("Threshold" in figure.alt) == bool(chart.limits), chart.title
        assert figure.svg.count('class="limit"') >= len(chart.limits)


def test_every_chart_shows_what_rules_record_or_the_platform_exports() -> None:
    known = {rule["name"] for group in rule_groups() for rule in group["rules"]}
    for chart in CHARTS:
        names = {name for text in series_in(chart.query) for name in text.split("|")}
        assert names <= known | {"psi_field_prediction_error", "ALERTS"}, chart.title
        assert set(chart.limits) <= known


def test_charts_without_a_finite_point_are_named_instead(rendered: Path) -> None:
    nothing = Platform(past=lambda _: [{"metric": {"pod": "a"}, "values": [[1.0, "NaN"]]}])
    assert figures(nothing, rendered) == []
    intro = find_section(report_on(nothing, rendered)[0], "charts").intro
    assert all(chart.title in intro for chart in CHARTS)


def test_lines_beyond_the_colours_are_counted_and_listed_in_the_table(rendered: Path) -> None:
    many = [
        {"metric": {chart.by: f"line-{index:02}" for chart in CHARTS}, "values": EVEN}
        for index in range(12)
    ]
    figure = figures(Platform(past=lambda _: many), rendered)[0]
    assert len(figure.legend) == COLOURS
    assert len(figure.table.rows) == 12
    assert "4 more lines are in the table only" in figure.alt
