"""The dashboards of a rendered stack, as far as their queries and their pictures need them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kpi.live import rendered
from kpi.live.durations import milliseconds
from kpi.live.problems import LiveError

PREFIX = "dashboard-"
"""How the ConfigMap of a dashboard is called; what follows is the name of its file."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """One query of a panel; its answer is a value now, or values over time."""

    expr: str
    legend: str
    is_instant: bool


@dataclass(frozen=True)
class Panel:
    """A panel, or a heading with the type `row`. Place and size count cells of Grafana's grid.

    `steps` are its thresholds: where each begins, None for the first, and its colour. `model` is
    all that Grafana reads.
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
        """How all its values are shown."""
        return self.model.get("fieldConfig", {}).get("defaults", {})

    @property
    def custom(self) -> Json:
        """What only its type of panel knows."""
        return self.defaults.get("custom", {})


@dataclass(frozen=True)
class Variable:
    """A choice that narrows the panels; `everything` is the pattern that "All" stands for."""

    name: str
    query: str
    everything: str


@dataclass(frozen=True)
class Annotation:
    """Marks on every graph, where a sample is or where its value says, in milliseconds."""

    name: str
    expr: str
    colour: str
    is_value_the_time: bool


@dataclass(frozen=True)
class Board:
    """A dashboard; `since` is how many milliseconds it shows when it is opened."""

    name: str
    title: str
    description: str
    since: int
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]
    annotations: tuple[Annotation, ...]
    model: Json

    @property
    def charts(self) -> list[Panel]:
        """The panels without the headings."""
        return [panel for panel in self.panels if panel.type != "row"]


@dataclass(frozen=True)
class Boards:
    """All dashboards of a stack; `interval` is the data source's, in milliseconds."""

    interval: int
    all: tuple[Board, ...]


def load(manifests: Path) -> Boards:
    """The dashboards of the manifests in the folder. Raises LiveError if there are none."""
    config_maps = rendered.config_maps(manifests)
    found = [
        _board(name.removeprefix(PREFIX), json.loads(text))
        for name, texts in sorted(config_maps.items())
        if name.startswith(PREFIX)
        for text in texts.values()
    ]
    if not found:
        raise LiveError(f"{manifests} holds no dashboard: run `make up` first")
    (interval,) = set(_intervals(config_maps.get("grafana", {})))
    return Boards(milliseconds(interval), tuple(found))


def _intervals(files: Mapping[str, str]) -> Iterator[str]:
    for text in files.values():
        if "datasources:" in text:
            for source in yaml.safe_load(text)["datasources"]:
                yield source["jsonData"]["timeInterval"]


def _board(name: str, model: Json) -> Board:
    return Board(
        name=name,
        title=model["title"],
        description=model["description"],
        since=milliseconds(model["time"]["from"].removeprefix("now-")),
        panels=tuple(_panel(panel) for panel in model["panels"]),
        variables=tuple(
            Variable(variable["name"], variable["query"], variable["allValue"])
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
