"""Lays a dashboard out on Grafana's grid as an HTML page, from the answers to its queries."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ops import charts, pages
from ops.charts import Axis, Limit, Line, Marks
from ops.live.processes import LiveError
from ops.numbers import grafana_value, span
from ops.pictures.boards import Board, Panel, Target
from ops.pictures.collect import Results
from ops.pictures.queries import COLUMNS, Answer
from ops.prometheus_api import Series

MARGIN, COLUMN, ROW, HEAD = 20, 60, 30, 108
"""Pixels: around the page, of a cell of the grid, and above the panels; as in dashboard.css."""
GAP, PADDING, TITLE = 4, 10, 26
LEGEND_ROW, LEGEND_ROWS, TABLE_ROW = 16, 2, 24
LEGEND_CHARACTER = 6.3
"""The mean width in pixels of a character of a legend."""
SMALLEST_STAT = 72
"""The width in pixels that a number needs."""

_COLOURS = {
    "green": "var(--green)",
    "blue": "var(--blue)",
    "orange": "var(--orange)",
    "red": "var(--red)",
    "purple": "var(--purple)",
    "yellow": "var(--yellow)",
}
_SHADE = re.compile(r"^(?:super-|semi-)?(?:light|dark)-")
_CSS_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-z]+")
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Entry(NamedTuple):
    """A name of a legend and its colour, "" for none."""

    name: str
    colour: str


class Number(NamedTuple):
    """A number of a stat panel, and the name of its series if there are several."""

    text: str
    name: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class Content:
    """The inside of a panel: the parts that its type has, or `message` if it has no data."""

    message: str = ""
    svg: str = ""
    legend: Sequence[Entry] = ()
    numbers: Sequence[Number] = ()
    headers: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class Scene:
    """A panel, the answers to its queries, the time that it shows, and its inner size in pixels."""

    panel: Panel
    answers: Sequence[Answer]
    marks: Sequence[Marks]
    time: Axis

    @property
    def width(self) -> float:
        """The width inside of the frame."""
        return self.panel.width * COLUMN - 2 * GAP - 2 * PADDING

    @property
    def height(self) -> float:
        """The height below the title."""
        return self.panel.height * ROW - 2 * GAP - TITLE - 6

    def named_series(self) -> list[tuple[str, Series]]:
        """The series with a finite value, query by query, by name."""
        return [
            (name, series)
            for target, answer in zip(self.panel.targets, self.answers, strict=True)
            for name, series in sorted(
                ((series_name(target, series.metric), series) for series in answer.series),
                key=lambda pair: pair[0],
            )
            if any(math.isfinite(value) for _, value in series.values)
        ]

    def shown(self, value: float) -> str:
        """The value in the unit of the panel."""
        return grafana_value(value, self.panel.unit, self.panel.defaults.get("decimals"))


def dashboard_page(results: Results) -> str:
    """The page of a dashboard. Raises LiveError for a type of panel that can't be drawn."""
    board, time_range = results.board, results.time_range
    marks = [Marks(m.name, css_colour(m.colour), m.spans) for m in results.marks]
    time = _countdown_axis(results)
    contents = {
        panel.id: _content(board, Scene(panel, results.answers[panel.id], marks, time))
        for panel in board.charts
    }
    return (
        pages.environment()
        .get_template("dashboard.html.j2")
        .render(
            board=board,
            contents=contents,
            marks=marks,
            css=pages.stylesheet("dashboard.css"),
            range=span(time_range.length / 1000),
            speed=time_range.speed,
            story=results.story,
        )
    )


def page_size(board: Board) -> tuple[int, int]:
    """Width and height of a dashboard's page in pixels."""
    rows = max(panel.y + panel.height for panel in board.panels)
    return 2 * MARGIN + COLUMNS * COLUMN, HEAD + rows * ROW + MARGIN


def series_name(target: Target, labels: Mapping[str, str]) -> str:
    """The name of a series: its query's legend filled in, else metric and labels."""
    if target.legend:
        return _LABEL.sub(lambda found: labels.get(found[1], ""), target.legend)
    metric = labels.get("__name__", "")
    others = [f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__"]
    return f"{metric}{{{', '.join(others)}}}" if others else metric or "value"


def fit_legend(entries: Sequence[Entry], width: float) -> list[list[Entry]]:
    """The rows of a legend, two at most; the last entry says how many others do not fit."""
    rows: list[list[Entry]] = [[]]
    used = 0.0
    for index, entry in enumerate(entries):
        needed = LEGEND_CHARACTER * len(entry.name) + 36
        if rows[-1] and used + needed - 16 > width:
            if len(rows) == LEGEND_ROWS:
                rows[-1][-1] = Entry(f"and {len(entries) - index + 1} more", "")
                return rows
            rows.append([])
            used = 0.0
        rows[-1].append(entry)
        used += needed
    return rows


def css_colour(name: str) -> str:
    """The CSS colour of one of Grafana's; all shades of a colour are one here."""
    plain = _SHADE.sub("", name)
    return _COLOURS.get(plain, plain if _CSS_COLOUR.fullmatch(plain) else "var(--ink)")


def _content(board: Board, scene: Scene) -> Content:
    panel = scene.panel
    if panel.type not in _CONTENTS:
        raise LiveError(
            f"Dashboard {board.title}, panel {panel.title}: the type {panel.type} can't be drawn. "
            f"Choose one of {', '.join(_CONTENTS)}, or add it in ops/pictures/page.py."
        )
    if not any(answer.series for answer in scene.answers):
        return Content(message=panel.no_value)
    return _CONTENTS[panel.type](scene)


def _stat(scene: Scene) -> Content:
    found = [
        (series_name(target, series.metric), series.values[-1][1])
        for target, answer in zip(scene.panel.targets, scene.answers, strict=True)
        for series in answer.series
    ]
    fit = max(1, int(scene.width // SMALLEST_STAT))
    shown = found if len(found) <= fit else found[: fit - 1]
    numbers = [
        Number(scene.shown(value), name if len(found) > 1 else "", _band(scene.panel, value))
        for name, value in shown
    ]
    if len(shown) < len(found):
        numbers.append(Number("…", f"and {len(found) - len(shown)} more", "var(--ink-soft)"))
    return Content(numbers=numbers)


def _table(scene: Scene) -> Content:
    """A row for each set of labels, a column for each label and each query."""
    table: dict[tuple[tuple[str, str], ...], list[float | None]] = {}
    for column, answer in enumerate(scene.answers):
        for series in answer.series:
            key = tuple(sorted((k, v) for k, v in series.metric.items() if k != "__name__"))
            table.setdefault(key, [None] * len(scene.answers))[column] = series.values[-1][1]
    labels = list(dict.fromkeys(label for key in table for label, _ in key))
    headers = [*labels, *_value_headers(scene.panel)]
    rows = [
        [
            *(dict(key).get(label, "") for label in labels),
            *("" if value is None else scene.shown(value) for value in values),
        ]
        for key, values in sorted(table.items())
    ]
    fit = int(scene.height // TABLE_ROW) - 1
    if len(rows) > fit:
        hidden = len(rows) - fit + 1
        rows = [*rows[: fit - 1], [f"and {hidden} more", *[""] * (len(headers) - 1)]]
    return Content(headers=headers, rows=rows)


def _time_series(scene: Scene) -> Content:
    found = [Line(name, series.values) for name, series in scene.named_series()]
    if not found:
        return Content(message=scene.panel.no_value)
    panel = scene.panel
    entries = [Entry(line.name, charts.line_colour(index)) for index, line in enumerate(found)]
    legend, height = _legend(scene, entries)
    soft = (panel.custom.get(name) for name in ("axisSoftMin", "axisSoftMax"))
    svg = charts.line_chart(
        found,
        width=scene.width,
        height=height,
        x=scene.time,
        y=charts.value_axis(
            (value for line in found for _, value in line.values),
            scene.shown,
            at_least=[value for value in soft if value is not None],
        ),
        limits=[Limit(value, css_colour(colour)) for value, colour in panel.threshold_lines],
        marks=scene.marks,
    )
    return Content(svg=svg, legend=legend)


def _state_timeline(scene: Scene) -> Content:
    found = scene.named_series()
    if not found:
        return Content(message=scene.panel.no_value)
    meaning = {
        float(value): Entry(result["text"], css_colour(result["color"]))
        for mapping in scene.panel.defaults.get("mappings", ())
        for value, result in mapping["options"].items()
    }

    def colour(value: float) -> str:
        return meaning[value].colour if value in meaning else _band(scene.panel, value)

    legend, height = _legend(scene, list(meaning.values()))
    svg = charts.strip_chart(
        [
            (name, [(run, colour(run.value)) for run in charts.runs(series.values)])
            for name, series in found
        ],
        width=scene.width,
        height=height,
        x=scene.time,
    )
    return Content(svg=svg, legend=legend)


_CONTENTS: Mapping[str, Callable[[Scene], Content]] = {
    "stat": _stat,
    "table": _table,
    "timeseries": _time_series,
    "state-timeline": _state_timeline,
}


def _legend(scene: Scene, entries: Iterable[Entry]) -> tuple[list[Entry], float]:
    """The entries that fit below a chart, and the height that is left for the chart."""
    rows = fit_legend(list(entries), scene.width)
    return [entry for row in rows for entry in row], scene.height - LEGEND_ROW * len(rows) - 2


def _band(panel: Panel, value: float) -> str:
    """The colour of the threshold step that the value lies in."""
    inside = [name for start, name in panel.steps if start is None or value >= start]
    return css_colour(inside[-1]) if inside else "var(--ink)"


def _value_headers(panel: Panel) -> Iterable[str]:
    """The name that the panel gives each query's column, or Grafana's own."""
    for index in range(len(panel.targets)):
        own = f"Value #{chr(ord('A') + index)}"
        for transformation in panel.model.get("transformations", ()):
            own = transformation["options"].get("renameByName", {}).get(own, own)
        yield own


def _countdown_axis(results: Results) -> Axis:
    """Clock time, labelled with the minutes of the platform's time until the end."""
    end, minutes = results.end.timestamp(), results.time_range.length / 60_000
    quarter = minutes * 60 / results.time_range.speed / 4
    labels = [*(f"\N{MINUS SIGN}{minutes * part / 4:g} min" for part in (4, 3, 2, 1)), "now"]
    ticks = [(end - quarter * (4 - index), label) for index, label in enumerate(labels)]
    return Axis(end - 4 * quarter, end, ticks)
