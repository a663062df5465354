"""The section with charts of the last hours, and their data as tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ops import charts
from ops.charts import COLOURS, Limit, Line
from ops.numbers import number, span
from ops.prometheus_api import Series
from ops.report.document import Cell, Figure, Figures, Section, Table, cell, code
from ops.report.facts import AVAILABILITY, DRIFT, ERROR, HEALTH, Facts, Unavailable, reasons
from ops.report.guard import guarded

WIDTH, HEIGHT = 360, 172
"""Size of a chart in pixels; the page scales it to the column's width."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart of `query` over the last hours.

    `by` is the label that names its lines; `limits` are the alerts whose thresholds it shows. With
    `is_share`, values are ratios, and the axis covers 0 to 1.
    """

    title: str
    query: str
    by: str
    unit: str = ""
    limits: tuple[str, ...] = ()
    is_share: bool = False


CHARTS = (
    Chart(
        title="Platform health",
        query=f'{{__name__=~"{HEALTH}|{AVAILABILITY}"}}',
        by="__name__",
        is_share=True,
    ),
    Chart(
        title="ψ-Field: prediction error of each pod",
        query=ERROR,
        by="pod",
        limits=("PsiFieldPredictionErrorHigh",),
        is_share=True,
    ),
    Chart(
        title="ψ-Field: drift between pods",
        query=DRIFT,
        by="job",
        limits=("PsiFieldPodDrift",),
        is_share=True,
    ),
    Chart(
        title="Treaties: fill rate",
        query="treaty:fill_rate:avg",
        by="treaty",
        limits=("TreatyFillRateLow", "TreatyFillRateCritical"),
        is_share=True,
    ),
    Chart(
        title="Treaties: round-trip time",
        query="treaty:rtt:avg",
        by="treaty",
        unit="ms",
        limits=("TreatyRttHigh",),
    ),
    Chart(
        title="Treaties: requests",
        query="treaty:requests:rate_5m",
        by="treaty",
        unit="per second",
    ),
    Chart(
        title="Alerts firing",
        query='count by (severity) (ALERTS{alertstate="firing", severity!="none"})',
        by="severity",
    ),
)


def section(facts: Facts, hours: float) -> Section:
    """Draw each chart that has data; list those that have none."""
    figures: list[Figure] = []
    without: list[str] = []
    odd: list[str] = []
    for chart, series in zip(CHARTS, facts.history, strict=True):
        if isinstance(series, Unavailable):
            continue
        if lines := _lines(chart, series):
            figures += guarded(
                lambda chart=chart, lines=lines: [_figure(facts, chart, lines, hours)],
                lambda why, chart=chart: odd.append(f"{chart.title}: {why}.") or [],
            )
        else:
            without.append(chart.title)
    return Section(
        id="charts",
        title=f"The last {span(hours * 3600)}",
        intro="Times are UTC. A dashed line is the threshold of an alert."
        + (f" No data for: {', '.join(without)}." if without else ""),
        blocks=[Figures(figures)],
        unavailable=[*reasons(*facts.history), *odd],
    )


def _lines(chart: Chart, series: Sequence[Series]) -> list[Line]:
    """The lines with a finite value, sorted by name."""
    return sorted(
        (
            Line(one.metric.get(chart.by) or "all", one.values)
            for one in series
            if any(math.isfinite(value) for _, value in one.values)
        ),
        key=lambda line: line.name,
    )


def _figure(facts: Facts, chart: Chart, lines: list[Line], hours: float) -> Figure:
    shown = lines[:COLOURS]
    limits = _limits(facts, chart)
    hidden = len(lines) - len(shown)
    title = chart.title + (f", {chart.unit}" if chart.unit else "")
    summary = "; ".join(
        f"{line.name} {number(line.values[-1][1])} at the end, {number(min(_finite(line)))} to"
        f" {number(max(_finite(line)))}"
        for line in shown
    )
    thresholds = f" Thresholds at {', '.join(number(limit) for limit in limits)}." if limits else ""
    more = f" {hidden} more lines are in the table only." if hidden else ""
    return Figure(
        title=title,
        alt=f"{title}: {summary}.{thresholds}{more}",
        svg=charts.line_chart(
            shown,
            width=WIDTH,
            height=HEIGHT,
            x=charts.clock_axis(facts.now - timedelta(hours=hours), facts.now),
            y=charts.value_axis(
                (value for line in shown for _, value in line.values),
                number,
                at_least=(0, 1, *limits) if chart.is_share else (0, *limits),
            ),
            limits=[Limit(limit) for limit in limits],
        ),
        legend=[(charts.line_colour(index), line.name) for index, line in enumerate(shown)],
        table=Table(
            ("Line", "Lowest", "Mean", "Highest", "Last"),
            [_row(line) for line in lines],
            caption=title,
        ),
    )


def _row(line: Line) -> tuple[Cell, ...]:
    finite = _finite(line)
    values = (min(finite), sum(finite) / len(finite), max(finite), line.values[-1][1])
    return (cell(code(line.name)), *(cell(number(value)) for value in values))


def _finite(line: Line) -> list[float]:
    return [value for _, value in line.values if math.isfinite(value)]


def _limits(facts: Facts, chart: Chart) -> list[float]:
    """The thresholds of the chart's alerts, read from the loaded rules' annotations."""
    stated = []
    for rule in facts.rules():
        if rule.name in chart.limits:
            for name, text in rule.annotations.items():
                if name == "threshold" or name.startswith("threshold_"):
                    try:
                        stated.append(float(text))
                    except ValueError:
                        continue
    return sorted({limit for limit in stated if math.isfinite(limit)})
