"""Charts of the last hours, and the same in numbers."""

import math
from collections.abc import Sequence
from datetime import timedelta

from ops.prometheus_api import Series
from ops.report.chart_table import CHARTS, Chart
from ops.report.document import Figure, Figures, Section, Table, cell, code
from ops.report.drawing import COLOURS, Line, draw
from ops.report.facts import Facts, Unavailable, reasons
from ops.report.numbers import number, span


def section(facts: Facts, hours: float) -> Section:
    """A chart for each of the table that has data; what has none is named."""
    figures, without = [], []
    for index, (chart, series) in enumerate(zip(CHARTS, facts.history, strict=True)):
        if isinstance(series, Unavailable):
            continue
        lines = _lines(chart, series)
        if lines:
            figures.append(_figure(facts, chart, lines, hours, f"chart{index}"))
        else:
            without.append(chart.title)
    return Section(
        id="charts",
        title=f"The last {span(hours * 3600)}",
        intro="Times are UTC. A dotted line is the threshold of an alert."
        + (f" No data for: {', '.join(without)}." if without else ""),
        blocks=[Figures(figures)],
        unavailable=reasons(*facts.history),
    )


def _lines(chart: Chart, series: Sequence[Series]) -> list[Line]:
    """The lines by name, those with one finite point at least."""
    return sorted(
        (
            Line(one.metric.get(chart.by) or "all", one.values)
            for one in series
            if any(math.isfinite(value) for _, value in one.values)
        ),
        key=lambda line: line.name,
    )


def _figure(facts: Facts, chart: Chart, lines: list[Line], hours: float, prefix: str) -> Figure:
    shown = lines[: len(COLOURS)]
    limits = _limits(facts, chart)
    hidden = len(lines) - len(shown)
    title = chart.title + (f", {chart.unit}" if chart.unit else "")
    said = "; ".join(
        f"{line.name} {number(line.values[-1][1])} at the end, {number(min(_finite(line)))} to"
        f" {number(max(_finite(line)))}"
        for line in shown
    )
    drawn = f" Thresholds at {', '.join(number(limit) for limit in limits)}." if limits else ""
    more = f" {hidden} more lines are in the table only." if hidden else ""
    return Figure(
        title=title,
        alt=f"{title}: {said}.{drawn}{more}",
        svg=draw(
            shown,
            start=facts.now - timedelta(hours=hours),
            end=facts.now,
            limits=limits,
            shares=chart.shares,
            prefix=prefix,
        ),
        legend=[(index, line.name) for index, line in enumerate(shown)],
        table=Table(
            ("Line", "Lowest", "Mean", "Highest", "Last"),
            [
                (
                    cell(code(line.name)),
                    *(
                        cell(number(value))
                        for value in (
                            min(_finite(line)),
                            sum(_finite(line)) / len(_finite(line)),
                            max(_finite(line)),
                            line.values[-1][1],
                        )
                    ),
                )
                for line in lines
            ],
            caption=title,
        ),
    )


def _finite(line: Line) -> list[float]:
    return [value for _, value in line.values if math.isfinite(value)]


def _limits(facts: Facts, chart: Chart) -> list[float]:
    """The thresholds of the chart's alerts, as the rules that are loaded state them."""
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
