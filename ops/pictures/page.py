"""Lays out a dashboard on Grafana's grid as an HTML page, from the results of its queries."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ops import charts, pages
from ops.charts import Axis, Limit, Line, Marks
from ops.live.processes import LiveError
from ops.numbers import grafana_value, span
from ops.pictures.boards import COLUMNS, Board, Panel, Target
from ops.pictures.collect import Results
from ops.pictures.queries import Answer
from ops.prometheus_api import Series

MARGIN, COLUMN, ROW, HEAD = 20, 60, 30, 108
"""In pixels: page margin, grid cell and gap, and page header; dashboard.css has the same values."""
GAP, PADDING, TITLE = 4, 10, 26
LEGEND_ROW, LEGEND_ROWS, TABLE_ROW = 16, 2, 24
LEGEND_CHARACTER = 6.3
"""Mean width of a character in a legend, in pixels."""
SMALLEST_STAT = 72
"""Least width of a number in a stat panel, in pixels."""

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
    """An entry of a legend; the colour "" shows no swatch."""

    name: str
    colour: str


class Number(NamedTuple):
    """A number in a stat panel; `name` is empty if it is the only one."""

    text: str
    name: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class Content:
    """The contents of a panel: the parts that its type has, or `message` if it has no data."""

    message: str = ""
    svg: str = ""
    legend: Sequence[Entry] = ()
    numbers: Sequence[Number] = ()
    headers: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class Scene:
    """A panel with the results of its queries, its time axis and its inner size in pixels."""

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
        """The series with a finite value, in the order of the queries, then by name."""
        return [
            (name, series)
            for target, answer in zip(self.panel.targets, self.answers, strict=True)
            for name, series in sorted(
                ((series_name(target, series.metric), series) for series in answer.series),
                key=lambda pair: pair[0],
            )
            if any(math.isfinite(value) for _, value in series.values)
        ]

    def format_value(self, value: float) -> str:
        """Format a value in the panel's unit."""
        return grafana_value(value, self.panel.unit, self.panel.defaults.get("decimals"))


def dashboard_page(results: Results) -> str:
    """Render a dashboard as HTML. Raises LiveError for an unsupported panel type."""
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
    """The width and height of a dashboard's page in pixels."""
    rows = max(panel.y + panel.height for panel in board.panels)
    return 2 * MARGIN + COLUMNS * COLUMN, HEAD + rows * ROW + MARGIN


def series_name(target: Target, labels: Mapping[str, str]) -> str:
    """The display name of a series: the query's legend format, else its metric and labels."""
    if target.legend:
        return _LABEL.sub(lambda found: labels.get(found[1], ""), target.legend)
    metric = labels.get("__name__", "")
    others = [f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__"]
    return f"{metric}{{{', '.join(others)}}}" if others else metric or "value"


def fit_legend(entries: Sequence[Entry], width: float) -> list[list[Entry]]:
    """Arrange a legend in at most LEGEND_ROWS rows; a last entry counts those that do not fit."""
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
    """Translate a Grafana colour to CSS; all shades of a colour become one."""
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
        Number(scene.format_value(value), name if len(found) > 1 else "", _band(scene.panel, value))
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
            *("" if value is None else scene.format_value(value) for value in values),
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
            scene.format_value,
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
    """The legend entries that fit below a chart, and the height that remains for the chart."""
    rows = fit_legend(list(entries), scene.width)
    return [entry for row in rows for entry in row], scene.height - LEGEND_ROW * len(rows) - 2


def _band(panel: Panel, value: float) -> str:
    """The colour of the value's threshold step."""
    inside = [name for start, name in panel.steps if start is None or value >= start]
    return css_colour(inside[-1]) if inside else "var(--ink)"


def _value_headers(panel: Panel) -> Iterable[str]:
    """The column header of each query: the panel's own name, or Grafana's default."""
    for index in range(len(panel.targets)):
        own = f"Value #{chr(ord('A') + index)}"
        for transformation in panel.model.get("transformations", ()):
            own = transformation["options"].get("renameByName", {}).get(own, own)
        yield own


def _countdown_axis(results: Results) -> Axis:
    """A clock-time axis, labelled with minutes of the platform's time before the end."""
    end, minutes = results.end.timestamp(), results.time_range.length / 60_000
    quarter = minutes * 60 / results.time_range.speed / 4
    labels = [*(f"\N{MINUS SIGN}{minutes * part / 4:g} min" for part in (4, 3, 2, 1)), "now"]
    ticks = [(end - quarter * (4 - index), label) for index, label in enumerate(labels)]
    return Axis(end - 4 * quarter, end, ticks)
