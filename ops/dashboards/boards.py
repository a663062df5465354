"""A stack's dashboards, as far as their queries and their pictures need them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
