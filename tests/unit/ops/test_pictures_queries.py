"""The queries of the rendered dashboards, with variables filled in as Grafana does."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.manifests import ManifestsError, read_config_maps
from ops.pictures.boards import Annotation, Panel, Target, read_boards
from ops.pictures.queries import QueryRunner, TimeRange, fill_variables
from ops.prometheus_api import Prometheus
from promql.durations import parse_duration

HOUR = parse_duration("1h")
SCRAPE = parse_duration("30s")
WHOLE_WIDTH = 1600
"""Points of a panel over the whole width, one a pixel."""


@pytest.mark.parametrize(
    ("shown", "points", "expected"),
    [
        # An exact interval of 2.25 s is below that of the data source.
        ("1h", 1600, "30s"),
        # 13.5 s, 54 s, 108 s and 360 s.
        ("6h", 1600, "30s"),
        ("24h", 1600, "1m"),
        ("24h", 800, "2m"),
        ("24h", 240, "5m"),
        ("30d", 533, "1h"),
        ("1y", 1600, "6h"),
    ],
)
def test_the_interval_is_grafana_s(shown: str, points: int, expected: str) -> None:
    step = TimeRange(parse_duration(shown), SCRAPE).step(points)
    assert step == parse_duration(expected)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("rate(a_total[$__interval])", "rate(a_total[60000ms])"),
        # The interval and a scrape, or four scrapes if that is more.
        ("rate(a_total[$__rate_interval])", "rate(a_total[120000ms])"),
        ("increase(a_total[$__range])", "increase(a_total[86400s])"),
        ("max_over_time(up[${__range}:1m])", "max_over_time(up[86400s:1m])"),
        ("a / $__range_s + $__range_ms + $__interval_ms", "a / 86400 + 86400000 + 60000"),
        ('up{pod=~"$pod"}', 'up{pod=~"a|b"}'),
        ('up{pod=~"${pod:regex}", job=~"[[job]]"}', 'up{pod=~"a|b", job=~"c"}'),
        ('up{pod=~"psi-field-.*$"}', 'up{pod=~"psi-field-.*$"}'),
        ('label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'),
        # As Grafana sends it, to be refused.
        ('up{pod=~"$unknown"}', 'up{pod=~"$unknown"}'),
    ],
)
def test_variables_are_filled_in(expr: str, expected: str) -> None:
    time_range = TimeRange(24 * HOUR, SCRAPE)
    assert fill_variables(expr, {"pod": "a|b", "job": "c"}, time_range, WHOLE_WIDTH) == expected


def test_the_rate_interval_grows_with_the_interval() -> None:
    time_range = TimeRange(parse_duration("30d"), SCRAPE)
    assert (
        fill_variables("$__rate_interval", {}, time_range, 800)
        == f"{parse_duration('1h') + SCRAPE}ms"
    )


def test_ranges_shrink_when_time_runs_faster() -> None:
    expr = "rate(a_total[5m]) + increase(a_total[$__range]) + rate(a_total[$__rate_interval])"
    sent = fill_variables(expr, {}, TimeRange(HOUR, SCRAPE, speed=60), WHOLE_WIDTH)
    assert sent == "rate(a_total[5s]) + increase(a_total[1m]) + rate(a_total[2s])"


def test_the_dashboards_of_a_stack_are_those_that_are_rendered(rendered: Path) -> None:
    folder = rendered / "1-manifest"
    found = read_boards(folder)
    texts = [
        text
        for _, texts in sorted(read_config_maps(folder).items())
        for key, text in texts.items()
        if key.endswith(".json")
    ]
    assert [b.model for b in found.all] == [json.loads(t) for t in texts]
    assert len(found.all) >= 3
    for board in found.all:
        assert parse_duration(board.model["time"]["from"].removeprefix("now-")) >= HOUR
        asked = [t.expr for panel in board.charts for t in panel.targets]
        assert asked == [
            target["expr"] for p in board.model["panels"] for target in p.get("targets", ())
        ]


def test_a_folder_without_dashboards_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ManifestsError, match="holds no stack"):
        read_boards(tmp_path)


class Server:
    """A Prometheus that notes its requests, and answers with a series for each value."""

    def __init__(self, *values: str, status: int = 200) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._values, self._status = values, status
        self.client = Prometheus("http://p", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        form = dict(httpx.QueryParams(request.content.decode() or request.url.query.decode()))
        self.asked.append((request.url.path, form))
        if self._status != 200:
            return httpx.Response(self._status, json={"status": "error", "error": "bad query"})
        return httpx.Response(200, json={"status": "success", "data": self._data(request)})

    def _data(self, request: httpx.Request) -> Any:
        if request.url.path.endswith("/values"):
            return list(self._values)
        single = request.url.path.endswith("/query")
        series = [
            {"metric": {}, "value": [1, v]} if single else {"metric": {}, "values": [[1, v]]}
            for v in self._values
        ]
        return {"resultType": "vector" if single else "matrix", "result": series}


def panel(target: Target) -> Panel:
    return Panel(1, "stat", "P", 0, 0, 24, 4, "none", (), (target,), {})


def test_an_instant_query_asks_for_now_and_a_range_query_for_the_time_shown() -> None:
    server = Server("1")
    who = QueryRunner(server.client, TimeRange(HOUR, SCRAPE, speed=60))
    for is_instant in (True, False):
        (answer,) = who.panel_answers(panel(Target("up[$__range]", "", is_instant)), {})
        assert answer.has_data and answer.query == "up[1m]"
    (now, (path, form)) = server.asked
    assert now == ("/api/v1/query", {"query": "up[1m]"})
    assert path == "/api/v1/query_range" and form["step"] == "0.5"
    assert 60 <= float(form["end"]) - float(form["start"]) <= 60.5
    assert float(form["start"]) % 0.5 == 0
    assert datetime.now(UTC) - datetime.fromtimestamp(float(form["end"]), UTC) < timedelta(
        seconds=5
    )


def test_a_panel_may_ask_for_fewer_points_than_it_has_pixels() -> None:
    wide = panel(Target("up", "", is_instant=False))
    assert wide.points == WHOLE_WIDTH
    assert replace(wide, model={"maxDataPoints": 240}).points == 240


def test_marks_are_asked_for_at_most_once_a_minute() -> None:
    server = Server("1")
    who = QueryRunner(server.client, TimeRange(HOUR, SCRAPE))
    assert who.annotation_answer(Annotation("A", "up", "red", is_value_the_time=False), {}).has_data
    ((_, form),) = server.asked
    assert float(form["step"]) == 60


@pytest.mark.parametrize("values", [(), ("NaN",)])
def test_no_series_and_no_number_are_no_data(values: tuple[str, ...]) -> None:
    who = QueryRunner(Server(*values).client, TimeRange(HOUR, SCRAPE))
    (answer,) = who.panel_answers(panel(Target("up", "", is_instant=False)), {})
    assert not answer.has_data and answer.problem is None


@pytest.mark.parametrize("is_instant", [True, False])
def test_a_query_that_is_refused_is_an_answer_with_the_reason(is_instant: bool) -> None:
    who = QueryRunner(Server(status=400).client, TimeRange(HOUR, SCRAPE))
    (answer,) = who.panel_answers(panel(Target("up{", "", is_instant)), {})
    assert answer.problem and "bad query" in answer.problem and not answer.has_data
