"""Draws values of now: big numbers, and tables."""

from collections.abc import Sequence

from ops.dashboards import legend, palette
from ops.dashboards.ask import Answer
from ops.dashboards.boards import Panel
from ops.dashboards.palette import SOFT
from ops.dashboards.place import NOTHING, Marks, Place, Times
from ops.dashboards.units import shown
from ops.prometheus_api import Series

LARGEST, SMALLEST = 24.0, 9.0
ROW = 26


def big_numbers(
    place: Place, panel: Panel, answers: Sequence[Answer], _times: Times, _marks: Sequence[Marks]
) -> None:
    """Each series' value, large, in the colour of its band; several side by side."""
    found = [
        (legend.name(target, series.metric), series.values[-1][1])
        for target, answer in zip(panel.targets, answers, strict=True)
        for series in answer.series
    ]
    if not found:
        place.say(panel.defaults.get("noValue", NOTHING), SOFT)
        return
    page, room = place.page, place.width / len(found)
    for index, (name, value) in enumerate(found):
        text = shown(value, panel.unit, panel.defaults.get("decimals"))
        size = LARGEST
        while size > SMALLEST and page.measure(text, size=size, bold=True) > room - 8:
            size -= 1
        middle = place.x + room * (index + 0.5)
        named = len(found) > 1
        at = place.y + place.height * (0.4 if named else 0.48)
        colour = palette.of_value(value, panel.steps)
        page.text(middle, at, text, size=size, bold=True, colour=colour, align="center")
        if named:
            below = place.y + place.height * 0.8
            page.text(middle, below, name, size=8, colour=SOFT, align="center", room=room - 8)


def table(
    place: Place, panel: Panel, answers: Sequence[Answer], _times: Times, _marks: Sequence[Marks]
) -> None:
    """A row for each set of labels, a column for each label and each query."""
    rows: dict[tuple[tuple[str, str], ...], list[float | None]] = {}
    for column, answer in enumerate(answers):
        for series in answer.series:
            cells = rows.setdefault(_key(series), [None] * len(answers))
            cells[column] = series.values[-1][1]
    if not rows:
        place.say(panel.defaults.get("noValue", NOTHING), SOFT)
        return
    labels = list(dict.fromkeys(label for key in rows for label, _ in key))
    heads = [*labels, *(_head(panel, index) for index in range(len(answers)))]
    decimals = panel.defaults.get("decimals")
    texts = [
        [
            *(dict(key).get(label, "") for label in labels),
            *("" if c is None else shown(c, panel.unit, decimals) for c in cells),
        ]
        for key, cells in sorted(rows.items())
    ]
    _cells(place, heads, texts)


def _cells(place: Place, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    page = place.page
    fit = int(place.height // ROW) - 1
    if len(rows) > fit:
        left = len(rows) - fit + 1
        rows = [*rows[: fit - 1], [f"and {left} more", *[""] * (len(heads) - 1)]]
    wanted = [
        max(page.measure(text, size=9, bold=index == 0) for index, text in enumerate(column)) + 24
        for column in zip(heads, *rows, strict=True)
    ]
    spare = (place.width - sum(wanted)) / len(wanted)
    x = place.x
    for column, width in enumerate(wanted):
        room = width + spare
        for index, row in enumerate([heads, *rows]):
            at = place.y + ROW * (index + 0.5)
            page.text(x, at, row[column], bold=index == 0, room=room - 6)
        x += room
    for index in range(1, len(rows) + 1):
        page.line(place.x, place.y + ROW * index, place.x + place.width)


def _key(series: Series) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in series.metric.items() if k != "__name__"))


def _head(panel: Panel, index: int) -> str:
    """The name that the panel gives a query's column, or Grafana's own."""
    own = f"Value #{chr(ord('A') + index)}"
    for transformation in panel.model.get("transformations", ()):
        own = transformation["options"].get("renameByName", {}).get(own, own)
    return own
