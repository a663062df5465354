"""Asks a Prometheus every query of the dashboards, as Grafana does when somebody opens them."""

import json
import time
from collections.abc import Iterable, Iterator
from statistics import median
from typing import NamedTuple

from bench.filled_prometheus import Server
from bench.results import Goal, Row
from bench.synthetic_series import STEP, add_reaches
from dashboards.catalog import Dashboard
from ops.pictures.boards import Board, read_board
from ops.pictures.queries import TimeRange, fill_variables
from promql.durations import parse_duration
from promql.expressions import parse

GOAL_SECONDS = 0.1
ROUNDS = 3
CLEAR_MISS = 10 * GOAL_SECONDS
"""A query that takes this long is asked once."""


class PanelQuery(NamedTuple):
    """A query of a panel as Grafana asks it; without a step it is an instant query."""

    panel: str
    query: str
    length: int
    step: int | None


def panel_queries(dashboard: Dashboard) -> Iterator[PanelQuery]:
    """The queries of a dashboard with its default time range, and "All" in each variable."""
    model = json.loads(dashboard.json)
    board: Board = read_board(dashboard.filename, model)
    length = parse_duration(model["time"]["from"].removeprefix("now-"))
    shown = TimeRange(length, STEP)
    everything = {variable.name: variable.everything for variable in board.variables}
    for panel in board.charts:
        for target in panel.targets:
            query = fill_variables(target.expr, everything, shown, panel.points)
            step = None if target.is_instant else shown.step(panel.points)
            yield PanelQuery(panel.title, query, length, step)


def panel_reaches(reaches: dict[str, int], boards: Iterable[Dashboard]) -> None:
    """Add how far back the panels read each series."""
    for board in boards:
        for asked in panel_queries(board):
            add_reaches(reaches, parse(asked.query), asked.length if asked.step else 0)


def measure_panels(server: Server, boards: Iterable[Dashboard]) -> Iterator[Row]:
    """The slowest query of each dashboard: the median of some rounds, the answer's way included."""
    for board in boards:
        seconds = {asked: _seconds(server, asked) for asked in panel_queries(board)}
        slowest = max(seconds, key=lambda asked: seconds[asked])
        late = sum(took > GOAL_SECONDS for took in seconds.values())
        yield Row(
            what=f"Slowest of {len(seconds)} queries of {board.filename}",
            value=seconds[slowest],
            unit="s",
            goal=Goal(comparison="<", limit=GOAL_SECONDS),
            note=f"{slowest.panel}; {late} take longer than the goal" if late else slowest.panel,
        )


def _seconds(server: Server, asked: PanelQuery) -> float:
    first = _one(server, asked)
    if first > CLEAR_MISS:
        return first
    return median([first, *(_one(server, asked) for _ in range(ROUNDS - 1))])


def _one(server: Server, asked: PanelQuery) -> float:
    now = time.time()
    started = time.perf_counter()
    if asked.step is None:
        server.answer("query", query=asked.query)
    else:
        step = asked.step / 1000
        # Like Grafana, which aligns the range to the step.
        start, end = (moment // step * step for moment in (now - asked.length / 1000, now))
        server.answer("query_range", query=asked.query, start=start, end=end, step=step)
    return time.perf_counter() - started
