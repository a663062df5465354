"""Every query of every provisioned dashboard returns data in a running stack."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.live.scaling import cron_job_variables
from ops.live.scenario import load_scenario
from ops.pictures.boards import Board, Boards, read_boards
from ops.pictures.queries import Answer, QueryRunner, TimeRange, Values
from promql.durations import parse_duration
from tests.live.conftest import SPEED, Live, new_network, running
from tests.support.series import ROOT

REFERENCE = load_scenario("reference")

ONLY_WHILE_AN_ALERT_FIRES = {"panel Alerts over time", "annotation Firing alerts"}
"""No alert fires on a healthy platform: these are tested in the reference scenario instead."""

Found = dict[str, Answer]
"""The answer to each query of a dashboard by its place, for example `panel Pods up A`."""


@pytest.fixture(scope="module")
def stack(manifests: Path) -> Boards:
    return read_boards(manifests)


@pytest.fixture(scope="module")
def busy(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The stack with its services and CronJobs: every pod gets steps, every treaty traffic."""
    folder = tmp_path_factory.mktemp("busy")
    environment = cron_job_variables(SPEED)
    yield from running(Live(folder, manifests, jobs=True, environment=environment))


def query_runner(live: Live, board: Board, stack: Boards) -> QueryRunner:
    """A runner for the default time range of the dashboard."""
    length = parse_duration(board.model["time"]["from"].removeprefix("now-"))
    time_range = TimeRange(length, stack.interval, SPEED)
    return QueryRunner(live.observer.prometheus, time_range)


def answers_of(runner: QueryRunner, board: Board, values: Values) -> Found:
    found = {
        f"panel {panel.title} {chr(ord('A') + index)}": answer
        for panel in board.charts
        for index, answer in enumerate(runner.panel_answers(panel, values))
    }
    marks = {f"annotation {a.name}": runner.annotation_answer(a, values) for a in board.annotations}
    return {**found, **marks}


def variable_values(live: Live, board: Board) -> dict[str, list[str]]:
    """The values that each variable offers, by its name."""
    found: dict[str, list[str]] = {}
    for variable in board.model["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.+),\s*(\w+)\)", variable["query"], re.DOTALL)
        assert asked, f"{variable['name']} asks {variable['query']}"
        labels = [sample.metric for sample in live.observer.prometheus.query(asked[1])]
        found[variable["name"]] = sorted({one[asked[2]] for one in labels if asked[2] in one})
    return found


def variable_choices(live: Live, board: Board) -> Iterator[Values]:
    """Every combination of variable values: "All", the default, or a single value of each."""
    values = variable_values(live, board)
    names = [variable.name for variable in board.variables]
    patterns = [
        [variable.everything, *map(re.escape, values[variable.name])]
        for variable in board.variables
    ]
    for picked in itertools.product(*patterns):
        # Inside a string of PromQL a backslash is written twice.
        yield dict(zip(names, (one.replace("\\", "\\\\") for one in picked), strict=True))


def queries_without_data(live: Live, board: Board, stack: Boards) -> list[str]:
    """The queries without data, for every choice of the variables."""
    runner = query_runner(live, board, stack)
    lacking = [
        f"variable {name} has no value"
        for name, values in variable_values(live, board).items()
        if not values
    ]
    return lacking + [
        f"{place} {answer.problem or 'has no data'}: {answer.query}"
        for values in variable_choices(live, board)
        for place, answer in answers_of(runner, board, values).items()
        if not answer.has_data
        and not any(place.startswith(exempt) for exempt in ONLY_WHILE_AN_ALERT_FIRES)
    ]


def test_every_query_of_every_dashboard_returns_data(busy: Live, stack: Boards) -> None:
    lacking = ["the platform did not come up"]

    def all_answered() -> bool:
        lacking[:] = [
            f"{board.title}: {place}"
            for board in stack.all
            for place in queries_without_data(busy, board, stack)
        ]
        return not lacking

    with suppress(AssertionError):
        busy.wait_for(lambda seen: seen.is_up and all_answered(), "data")
    assert not lacking, "\n".join(lacking)


def alerts_shown(live: Live, stack: Boards) -> dict[str, set[str]]:
    """The alerts that each panel or annotation for firing alerts shows, over all dashboards."""
    shown: dict[str, set[str]] = {place: set() for place in ONLY_WHILE_AN_ALERT_FIRES}
    for board in stack.all:
        runner = query_runner(live, board, stack)
        values = {variable.name: variable.everything for variable in board.variables}
        for place, answer in answers_of(runner, board, values).items():
            assert answer.problem is None, f"{board.title}: {place} {answer.problem}"
            for exempt in filter(place.startswith, ONLY_WHILE_AN_ALERT_FIRES):
                shown[exempt] |= {one.metric["alertname"] for one in answer.series}
    return shown


def test_dashboards_show_the_firing_alerts(replayed: Live, stack: Boards) -> None:
    expected = {alert["alert"] for alert in REFERENCE.alerts}

    def all_shown() -> bool:
        return all(shown >= expected for shown in alerts_shown(replayed, stack).values())

    replayed.wait_for(lambda _: all_shown(), f"{expected} are shown")


def test_the_command_writes_the_json_and_a_small_picture_of_every_dashboard(
    manifests: Path, stack: Boards, tmp_path: Path
) -> None:
    command = [
        # It draws for minutes on a slow machine, and stacks of other tests scrape twice a second.
        *("nice", "--adjustment=19"),
        sys.executable,
        "-m",
        "ops",
        "dashboards",
        "--minutes=10",
        f"--network={new_network()}",
    ]
    command += [f"--manifests={manifests}", f"--state={tmp_path / 'state'}", f"--out={tmp_path}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr
    assert "takes its place" in ended.stdout
    for board in stack.all:
        assert json.loads((tmp_path / f"{board.name}.json").read_text())["uid"]
        picture = (tmp_path / f"{board.name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) < 150 * 1024, board.name
