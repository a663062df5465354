"""Asks a Prometheus every query of the dashboards, as Grafana does when somebody opens them."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from bench.filled_prometheus import BenchPrometheus, count_samples
from bench.results import Goal, Row
from bench.synthetic_series import STEP, add_reaches
from dashboards.catalog import Dashboard
from ops.numbers import grafana_value
from ops.pictures.boards import Board, read_board
from ops.pictures.queries import TimeRange, fill_variables
from promql.durations import parse_duration
from promql.expressions import parse

GOAL_SECONDS = 0.1
AGAIN = 3
"""How often a query is asked after the first time; the median counts."""
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


def measure_panels(server: BenchPrometheus, boards: Iterable[Dashboard]) -> Iterator[Row]:
    """The slowest query of each dashboard, from the question to the last byte of the answer.

    Raises UserError if a query finds nothing.
    """
    for board in boards:
        took = {asked: _time(server, board.filename, asked) for asked in panel_queries(board)}
        yield slowest_row(board.filename, took)


def slowest_row(filename: str, took: Mapping[PanelQuery, Sequence[float]]) -> Row:
    """The line of the table for a dashboard; `took` is the seconds of each query, time by time.

    What counts is the median without the first time, which the note tells: nothing has read the
    series before.
    """
    seconds = {asked: median(times[1:] or times) for asked, times in took.items()}
    slowest = max(seconds, key=lambda asked: seconds[asked])
    first = max(times[0] for times in took.values())
    late = sum(one > GOAL_SECONDS for one in seconds.values())
    return Row(
        what=f"Slowest of {len(seconds)} queries of {filename}",
        value=seconds[slowest],
        unit="s",
        goal=Goal(comparison="<", limit=GOAL_SECONDS),
        note=f"{slowest.panel}; the first time of any: at most {grafana_value(first, 's')}"
        + (f"; {late} take longer than the goal" if late else ""),
    )


def _time(server: BenchPrometheus, filename: str, asked: PanelQuery) -> list[float]:
    """The seconds of the query, time by time. Raises UserError if it finds nothing."""
    first, answer = _ask(server, asked)
    count_samples(f"{filename}: {asked.panel}", asked.query, json.loads(answer)["data"])
    if first > CLEAR_MISS:
        return [first]
    return [first, *(_ask(server, asked)[0] for _ in range(AGAIN))]


def _ask(server: BenchPrometheus, asked: PanelQuery) -> tuple[float, bytes]:
    """The seconds of the query and its answer."""
    now = time.time()
    started = time.perf_counter()
    if asked.step is None:
        answer = server.answer("query", query=asked.query, stats="all")
    else:
        step = asked.step / 1000
        # Like Grafana, which aligns the range to the step.
        start, end = (moment // step * step for moment in (now - asked.length / 1000, now))
        answer = server.answer(
            "query_range", query=asked.query, start=start, end=end, step=step, stats="all"
        )
    return time.perf_counter() - started, answer
