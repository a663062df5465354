"""Reads a stack's dashboards for queries and pictures, and exports them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ops.manifests import Json, ManifestsError, read_manifests
from promql.durations import parse_duration

INPUT = "DS_PROMETHEUS"
"""Name of the import input that asks for the data source."""
KIND = "prometheus"
PIXELS, COLUMNS = 1600, 24
"""Width of a dashboard, on the screen and in cells of Grafana's grid."""


@dataclass(frozen=True)
class Target:
    """One query of a panel: an instant query or a range query."""

    expr: str
    legend: str
    is_instant: bool


@dataclass(frozen=True)
class Panel:
    """A panel, or a heading of type `row`. Position and size are in cells of Grafana's grid.

    `steps` are its threshold steps (start, colour); the first has no start. `model` is its JSON.
    """

    id: int
    type: str
    title: str
    x: int
    y: int
    width: int
    height: int
    unit: str
    steps: tuple[tuple[float | None, str], ...]
    targets: tuple[Target, ...]
    model: Json

    @property
    def defaults(self) -> Json:
        """Grafana's `fieldConfig.defaults`: the display options of its values."""
        return self.model.get("fieldConfig", {}).get("defaults", {})

    @property
    def custom(self) -> Json:
        """The display options that are specific to its type."""
        return self.defaults.get("custom", {})

    @property
    def threshold_lines(self) -> list[tuple[float, str]]:
        """(value, colour) of each threshold line.

        Grafana gives a line the colour of the band above it; up to the first transparent band, it
        uses the colour of the band below.
        """
        if self.custom.get("thresholdsStyle", {}).get("mode", "off") == "off":
            return []
        colours = [colour for _, colour in self.steps]
        transparent = colours.index("transparent") if "transparent" in colours else 0
        return [
            (start, colours[index - 1] if index <= transparent else colour)
            for index, (start, colour) in enumerate(self.steps)
            if start is not None
        ]

    @property
    def points(self) -> int:
        """About how many points Grafana asks for in each line: one a pixel, if it sets no other."""
        return self.model.get("maxDataPoints") or PIXELS * self.width // COLUMNS

    @property
    def has_links(self) -> bool:
        """Whether it has a link, such as one to a runbook."""
        return bool(self.model.get("links"))

    @property
    def no_value(self) -> str:
        """The text that replaces a missing value."""
        return self.defaults.get("noValue", "No data")


@dataclass(frozen=True)
class Variable:
    """A dashboard variable; `everything` is the regular expression for "All"."""

    name: str
    everything: str


@dataclass(frozen=True)
class Annotation:
    """Marks on every graph: at each sample's time, or at the time in ms that its value holds."""

    name: str
    expr: str
    colour: str
    is_value_the_time: bool


@dataclass(frozen=True)
class Board:
    """A dashboard."""

    name: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]
    annotations: tuple[Annotation, ...]
    model: Json

    @property
    def charts(self) -> list[Panel]:
        """All panels except headings."""
        return [panel for panel in self.panels if panel.type != "row"]


@dataclass(frozen=True)
class Boards:
    """All dashboards of a stack; `interval` is the scrape interval in milliseconds."""

    interval: int
    all: tuple[Board, ...]


def read_boards(folder: Path) -> Boards:
    """Read the dashboards from the manifests in the folder.

    Raises ManifestsError if there are none.
    """
    stack = read_manifests(folder)
    found = [read_board(name, model) for name, model in stack.dashboards.items()]
    if not found:
        raise ManifestsError(f"{folder}: holds no dashboard. Run `make up` first.")
    (interval,) = set(_intervals(stack.config_maps.get("grafana", {})))
    return Boards(parse_duration(interval), tuple(found))


def for_import(model: Json) -> str:
    """Exports a dashboard with the data source as an import input.

    The uid is unchanged, so links to the dashboard stay valid.
    """
    opened = {
        **_with_input(model),
        # In another Grafana, nothing provisions the dashboard again, so users may edit it.
        "editable": True,
        "__inputs": [
            {
                "name": INPUT,
                "label": "Prometheus",
                "description": "The Prometheus that scrapes the platform.",
                "type": "datasource",
                "pluginId": KIND,
                "pluginName": "Prometheus",
            }
        ],
    }
    return json.dumps(opened, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _with_input(value: Any) -> Any:
    """Replace every reference to a Prometheus data source by the import input."""
    if isinstance(value, list):
        return [_with_input(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == KIND and "uid" in value:
        return {**value, "uid": f"${{{INPUT}}}"}
    return {key: _with_input(item) for key, item in value.items()}


def _intervals(files: Mapping[str, str]) -> Iterator[str]:
    for text in files.values():
        if "datasources:" in text:
            for source in yaml.safe_load(text)["datasources"]:
                yield source["jsonData"]["timeInterval"]


def read_board(name: str, model: Json) -> Board:
    """The dashboard that a model describes; `name` is its file's."""
    return Board(
        name=name,
        title=model["title"],
        description=model["description"],
        panels=tuple(_panel(panel) for panel in model["panels"]),
        variables=tuple(
            Variable(variable["name"], variable["allValue"])
            for variable in model["templating"]["list"]
        ),
        annotations=tuple(
            Annotation(
                marks["name"],
                marks["target"]["expr"],
                marks["iconColor"],
                marks.get("useValueForTime", False),
            )
            for marks in model["annotations"]["list"]
        ),
        model=model,
    )


def _panel(model: Json) -> Panel:
    place, defaults = model["gridPos"], model.get("fieldConfig", {}).get("defaults", {})
    return Panel(
        id=model["id"],
        type=model["type"],
        title=model["title"],
        x=place["x"],
        y=place["y"],
        width=place["w"],
        height=place["h"],
        unit=defaults.get("unit", "none"),
        steps=tuple(
            (step["value"], step["color"])
            for step in defaults.get("thresholds", {}).get("steps", ())
        ),
        targets=tuple(
            Target(target["expr"], target.get("legendFormat", ""), target.get("instant", False))
            for target in model.get("targets", ())
        ),
        model=model,
    )
