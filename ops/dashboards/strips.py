"""Draws states over time, as coloured strips."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from matplotlib.ticker import FixedLocator

from ops.dashboards import legend, palette
from ops.dashboards.ask import Answer
from ops.dashboards.boards import Panel
from ops.dashboards.legend import Entry
from ops.dashboards.palette import SOFT
from ops.dashboards.place import NOTHING, Marks, Place, Times
from ops.dashboards.timed import BELOW, LABEL, named, time_axis
from ops.prometheus_api import Point

STRIP = 0.72
"""The part of its room that a strip of states takes."""


def states(
    place: Place, panel: Panel, answers: Sequence[Answer], times: Times, _marks: Sequence[Marks]
) -> None:
    """A strip for each series, in the colours that the panel gives the values."""
    meaning = {
        float(value): (result["text"], palette.colour(result["color"]))
        for mapping in panel.defaults.get("mappings", ())
        for value, result in mapping["options"].items()
    }
    found = named(panel, answers)
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
    time_axis(axes, times)


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
