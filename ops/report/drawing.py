"""Draws lines over time as SVG that takes its colours from the page around it."""

import io
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

# Otherwise it announces on stderr, once a machine, that it looks for fonts.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

import matplotlib  # noqa: E402
from matplotlib import dates  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import MaxNLocator  # noqa: E402

from ops.prometheus_api import Point  # noqa: E402

WIDTH, HEIGHT = 4.8, 2.3
"""Inches of 72 points; a point is a pixel where the chart is shown in its own size."""
COLOURS = tuple(f"#0000{number:02x}" for number in range(1, 9))
"""Stand-ins, one for each line; the page defines --line-0 to --line-7."""
DAY = 86400
"""Seconds; matplotlib counts time in days since 1970."""
INK, FAINT, LIMIT = "#000101", "#000102", "#000103"
_NAMED = {colour: f"var(--line-{index})" for index, colour in enumerate(COLOURS)}
_NAMED |= {INK: "var(--ink-soft)", FAINT: "var(--rule)", LIMIT: "var(--bad)"}
_DASHES = ("-", "--", "-.", ":")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kpi",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "grid.color": FAINT,
}


@dataclass(frozen=True)
class Line:
    """A line's name and its points, in the order of time."""

    name: str
    values: Sequence[Point]


def draw(
    lines: Sequence[Line],
    *,
    start: datetime,
    end: datetime,
    limits: Sequence[float],
    shares: bool,
    prefix: str,
) -> str:
    """The `<svg>` element, the same for the same lines; at most as many lines as COLOURS.

    `limits` are drawn as dashed lines; with `shares` the axis shows all of 0 to 1. `prefix` makes
    its ids differ from those of the other charts of the page.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        for index, line in enumerate(lines):
            times, values = with_gaps(line.values)
            axes.plot(
                [time / DAY for time in times],
                values,
                color=COLOURS[index],
                linestyle=_DASHES[index % len(_DASHES)],
                linewidth=1.8,
                marker=".",
                # A point without neighbours has no line to be seen by.
                markersize=2.5 if len(line.values) > 2 else 8,
            )
        for limit in limits:
            axes.axhline(limit, color=LIMIT, linewidth=1.2, linestyle=(0, (2, 2)))
        axes.set_xlim(start.timestamp() / DAY, end.timestamp() / DAY)
        if shares:
            low, high = axes.get_ylim()
            axes.set_ylim(min(low, -0.03), max(high, 1.03))
        else:
            axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
            if all(value.is_integer() for line in lines for _, value in line.values):
                axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        locator = dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=7)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(
            dates.ConciseDateFormatter(locator, tz=UTC, show_offset=False)
        )
        axes.grid(visible=True, axis="y", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True)
    return _inline(text.getvalue(), prefix)


def with_gaps(values: Sequence[Point]) -> tuple[list[float], list[float]]:
    """Unix times and values, NaN where points are missing, so that no line bridges a gap."""
    steps = sorted(later[0] - earlier[0] for earlier, later in pairwise(values))
    usual = steps[len(steps) // 2] if steps else math.inf
    times, shown = [], []
    before = None
    for moment, value in values:
        if before is not None and moment - before > 1.5 * usual:
            times.append((before + moment) / 2)
            shown.append(math.nan)
        times.append(moment)
        shown.append(value if math.isfinite(value) else math.nan)
        before = moment
    return times, shown


def _inline(document: str, prefix: str) -> str:
    """The element alone, its size left to the page, its ids its own, its colours by name."""
    element = document[document.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", element, count=1)
    element = re.sub(r' xmlns(?::\w+)?="[^"]*"', "", element)
    element = element.replace("xlink:href", "href")
    element = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", element)
    return re.sub("|".join(_NAMED), lambda match: _NAMED[match[0]], element)
