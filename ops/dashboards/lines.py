"""Draws numbers over time, as lines."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ops.dashboards import legend, palette
from ops.dashboards.ask import Answer
from ops.dashboards.boards import Panel
from ops.dashboards.legend import Entry
from ops.dashboards.palette import RULE, SOFT
from ops.dashboards.place import NOTHING, Marks, Place, Times
from ops.dashboards.timed import BELOW, named, time_axis
from ops.dashboards.units import shown
from ops.report.drawing import with_gaps

LEFT = 66
"""Pixels left of a chart for the labels of its values."""


def over_time(
    place: Place, panel: Panel, answers: Sequence[Answer], times: Times, marks: Sequence[Marks]
) -> None:
    """A line for each series, the thresholds as the panel shows them, and the marks."""
    found = named(panel, answers)
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
    time_axis(axes, times)
    axes.grid(visible=True, color=RULE, linewidth=0.6)


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
