"""What all drawings over time share: their series by name, and the axis of time."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from ops.dashboards import legend
from ops.dashboards.ask import Answer
from ops.dashboards.boards import Panel
from ops.dashboards.palette import RULE, SOFT
from ops.dashboards.place import Times
from ops.prometheus_api import Point, Series

BELOW, LABEL = 22, 8
"""Pixels below a chart for the labels of its axis; points of their text."""


def named(panel: Panel, answers: Sequence[Answer]) -> list[tuple[str, Sequence[Point]]]:
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


def time_axis(axes: Axes, times: Times) -> None:
    """Count back from now, and leave of the frame what carries labels."""
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
