"""Reads the dashboards of a rendered stack."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from ops.dashboards.boards import Annotation, Board, Boards, Json, Panel, Target, Variable
from ops.manifests import ManifestsError, read_manifests
from promql.durations import parse_duration


def load(manifests: Path) -> Boards:
    """The dashboards of the manifests in the folder. Raises ManifestsError if there are none."""
    stack = read_manifests(manifests)
    found = [_board(name, model) for name, model in stack.dashboards.items()]
    if not found:
        raise ManifestsError(f"{manifests}: holds no dashboard. Run `make up` first.")
    (interval,) = set(_intervals(stack.config_maps.get("grafana", {})))
    return Boards(parse_duration(interval), tuple(found))


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
        since=parse_duration(model["time"]["from"].removeprefix("now-")),
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
