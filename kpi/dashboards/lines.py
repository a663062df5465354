"""Draws what changes over time: lines, and strips of states."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from kpi.answers import Point, Series
from kpi.dashboards import legend, palette
from kpi.dashboards.ask import Answer
from kpi.dashboards.boards import Panel
from kpi.dashboards.legend import Entry
from kpi.dashboards.palette import RULE, SOFT
from kpi.dashboards.place import Marks, Place, Times
from kpi.dashboards.units import shown
from kpi.report.drawing import with_gaps

NOTHING = "No data"
LEFT, BELOW, LABEL = 66, 22, 8
"""Pixels left of and below a chart for the labels of its axes; points of their text."""
STRIP = 0.72
"""The part of its room that a strip of states takes."""


def over_time(
    place: Place, panel: Panel, answers: Sequence[Answer], times: Times, marks: Sequence[Marks]
) -> None:
    """A line for each series, the thresholds as the panel shows them, and the marks."""
    found = _named(panel, answers)
    if not found:
        place.say(panel.defaults.get("noValue", NOTHING), SOFT)
        return
    entries = [Entry(name, palette.line(index)) for index, (name, _) in enumerate(found)]
    height = place.height - BELOW - legend.draw(place, entries)
    axes = place.page.chart(place.x + LEFT, place.y + 4, place.width - LEFT - 8, height - 4)
    for (_, values), entry in zip(found, entries, strict=True):
        moments, numbers = with_gaps(values)
        is_point = sum(map(math.isfinite, numbers)) == 1
        axes.plot(
            [times.ago(moment) for moment in moments],
            numbers,
            color=entry.colour,
            linewidth=1.5,
            marker="o" if is_point else "",
            markersize=3,
        )
    _scale(axes, panel, [value for _, values in found for _, value in values])
    if panel.custom.get("thresholdsStyle", {}).get("mode", "off") != "off":
        for start, name in panel.steps:
            if start is not None:
                axes.axhline(
                    start, color=palette.colour(name), linewidth=1.2, linestyle=(0, (5, 3))
                )
    _mark(axes, marks, times)
    _time_axis(axes, times)
    axes.grid(visible=True, color=RULE, linewidth=0.6)


def states(
    place: Place, panel: Panel, answers: Sequence[Answer], times: Times, _marks: Sequence[Marks]
) -> None:
    """A strip for each series, in the colours that the panel gives the values."""
    meaning = {
        float(value): (result["text"], palette.colour(result["color"]))
        for mapping in panel.defaults.get("mappings", ())
        for value, result in mapping["options"].items()
    }
    found = _named(panel, answers)
    if not found:
        place.say(panel.defaults.get("noValue", NOTHING), SOFT)
        return
    page = place.page
    entries = [Entry(text, colour) for text, colour in meaning.values()]
    height = place.height - BELOW - legend.draw(place, entries)
    widest = max(page.measure(name, size=LABEL) for name, _ in found)
    left = min(widest + 14, place.width * 0.3)
    axes = page.chart(place.x + left, place.y + 2, place.width - left - 8, height - 2)
    for index, (name, values) in enumerate(found):
        for start, end, value in _strips(values):
            _, colour = meaning.get(value, ("", palette.of_value(value, panel.steps)))
            began = times.ago(start)
            axes.broken_barh(
                [(began, times.ago(end) - began)],
                (index + (1 - STRIP) / 2, STRIP),
                facecolor=colour,
                alpha=0.75,
                linewidth=0,
            )
        at = place.y + 2 + (height - 2) * (index + 0.5) / len(found)
        page.text(place.x, at, name, size=LABEL, room=left - 10)
    axes.set_ylim(len(found), 0)
    axes.yaxis.set_major_locator(FixedLocator([]))
    _time_axis(axes, times)


def _named(panel: Panel, answers: Sequence[Answer]) -> list[tuple[str, Sequence[Point]]]:
    """The series that have a value, query by query, by name."""
    return [
        (name, series.values)
        for target, answer in zip(panel.targets, answers, strict=True)
        for name, series in sorted(
            ((legend.name(target, series.metric), series) for series in answer.series),
            key=lambda pair: pair[0],
        )
        if _has_number(series)
    ]


def _has_number(series: Series) -> bool:
    return any(math.isfinite(value) for _, value in series.values)


def _strips(values: Sequence[Point]) -> Iterator[tuple[float, float, float]]:
    """From when to when a series had which value."""
    steps = [later[0] - earlier[0] for earlier, later in pairwise(values)]
    step = min(steps, default=1.0)
    start, before, value = values[0][0], values[0][0], values[0][1]
    for moment, new in values[1:]:
        if new != value or moment - before > 1.5 * step:
            yield start, min(moment, before + step), value
            start, value = moment, new
        before = moment
    yield start, before + step, value


def _scale(axes: Axes, panel: Panel, values: Sequence[float]) -> None:
    numbers = [value for value in values if math.isfinite(value)]
    low = min([*numbers, panel.custom.get("axisSoftMin", math.inf)])
    high = max([*numbers, panel.custom.get("axisSoftMax", -math.inf)])
    room = (high - low) * 0.04 or max(abs(high), 1.0) * 0.5
    axes.set_ylim(low if low == 0 else low - room, high + room)
    whole = panel.unit in ("none", "short") and all(number.is_integer() for number in numbers)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=whole))
    decimals: Any = panel.defaults.get("decimals")
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: shown(round(value, 12), panel.unit, decimals))
    )


def _mark(axes: Axes, marks: Sequence[Marks], times: Times) -> None:
    for mark in marks:
        for start, end in mark.spans:
            if times.ago(end) < -times.minutes:
                continue
            axes.axvline(times.ago(start), color=mark.colour, linewidth=0.8, linestyle=(0, (3, 3)))
            if end > start:
                axes.axvspan(times.ago(start), times.ago(end), color=mark.colour, alpha=0.07, lw=0)


def _time_axis(axes: Axes, times: Times) -> None:
    axes.set_xlim(-times.minutes, 0)
    axes.xaxis.set_major_locator(FixedLocator([-times.minutes * part / 4 for part in range(5)]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda ago, _: "now" if ago == 0 else f"\N{MINUS SIGN}{-ago:g} min")
    )
    axes.tick_params(labelsize=LABEL, colors=SOFT, length=0, pad=5)
    first, *_, last = axes.get_xticklabels()
    first.set_horizontalalignment("right")
    last.set_horizontalalignment("left")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("bottom", "left"))
        spine.set_color(RULE)
