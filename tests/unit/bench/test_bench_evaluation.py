"""A large platform's series are planned as it has them, and the table shows what was measured."""

import json
import time
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest

from bench.filled_prometheus import BenchPrometheus, count_samples, local_files
from bench.panel_queries import PanelQuery, panel_queries, slowest_row
from bench.parts.evaluation import GOALS, Evaluated, curves, group_matrix, memory_of_a_pod, rows
from bench.synthetic_series import (
    OF_FAULTS,
    STEP,
    Family,
    Plan,
    PlatformSize,
    add_reaches,
    rule_reaches,
)
from dashboards.catalog import Dashboard, all_dashboards
from problems import Problems
from promql.expressions import parse
from rules.rulebook import Rulebook
from rules.slo.objectives import DEFAULT_OPTIONS
from stacks.capacity import MEMORY_PER_SERIES
from stacks.files import ROOT, read_files
from toolchain.base import UserError

NOW = 1_800_000_000_000
HOUR = 3_600_000
GIB = 2**30


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return read_files({}, "https://runbooks.example", DEFAULT_OPTIONS, Problems()).rulebook


def families(rulebook: Rulebook, size: PlatformSize) -> list[Family]:
    reaches = rule_reaches(rulebook)
    return [*Plan(rulebook=rulebook, size=size, now=NOW, ahead=0, reaches=reaches).families()]


def named(found: list[Family], name: str) -> list[Family]:
    return [family for family in found if family.labels["__name__"] == name]


def test_each_pod_has_its_series(rulebook: Rulebook) -> None:
    found = families(rulebook, PlatformSize(pods=70, treaties=2))
    for name in ("psi_field_density", "psi_field_step_duration_seconds_count"):
        (family,) = named(found, name)
        assert family.copies == 70 and "%d" in family.labels["pod"]
    (up,) = (one for one in named(found, "up") if one.labels["job"] == "psi-field")
    assert up.copies == 70
    assert sum("%d" in one.labels["pod"] for one in named(found, "kube_pod_status_ready")) == 1


def test_each_treaty_has_its_series_in_each_treaty_pod(rulebook: Rulebook) -> None:
    found = named(families(rulebook, PlatformSize(pods=2, treaties=50)), "treaty_requests_total")
    assert [family.copies for family in found] == [50, 50]
    assert len({family.labels["pod"] for family in found}) == 2


def test_recorded_series_have_the_labels_that_their_rules_give_them(rulebook: Rulebook) -> None:
    found = named(families(rulebook, PlatformSize(pods=2, treaties=2)), "slo:bad_events:over_5m")
    assert len(found) == len(rulebook.slos)
    for family in found:
        assert family.recorded
        assert family.labels["job"] == family.labels["sloth_service"]
        assert NOW - family.origin >= 30 * 24 * HOUR


def test_recorded_series_have_a_sample_for_each_evaluation(rulebook: Rulebook) -> None:
    reaches = dict.fromkeys(("treaty:requests:rate_5m", "treaty:requests:increase_2m"), HOUR)
    size = PlatformSize(pods=2, treaties=2)
    plan = Plan(rulebook=rulebook, size=size, now=NOW, ahead=0, reaches=reaches)
    found = {one.labels["__name__"]: one.step for one in plan.families() if one.recorded}
    assert found == {"treaty:requests:rate_5m": STEP, "treaty:requests:increase_2m": 4 * STEP}


def test_a_series_reaches_as_far_back_as_anything_reads_it() -> None:
    reaches: dict[str, int] = {}
    add_reaches(reaches, parse("rate(a[1h]) + b offset 5m"), 0)
    add_reaches(reaches, parse("a + b"), 6 * HOUR)
    assert reaches == {"a": 6 * HOUR, "b": 6 * HOUR}


def test_the_local_files_name_no_other_server() -> None:
    config = {"rule_files": ["/etc/config/x_rules.yml"], "scrape_configs": [1], "alerting": {}}
    rules = {"groups": [{"name": "x", "interval": "30s", "rules": []}]}
    texts = {"prometheus.yml": json.dumps(config), "x_rules.yml": json.dumps(rules)}
    found = local_files(texts, ROOT, "2s")
    assert found["prometheus.yml"] == f"rule_files:\n- {ROOT}/x_rules.yml\n"
    assert "interval: 2s" in found["x_rules.yml"]


def test_a_panel_is_asked_as_in_grafana(rulebook: Rulebook) -> None:
    boards: list[Dashboard] = [*all_dashboards(rulebook, Problems())]
    (board,) = (one for one in boards if one.filename == "psi-field.json")
    found = {asked.panel: asked for asked in panel_queries(board)}
    assert found["Prediction error"].length == 6 * HOUR
    # A 240th of six hours, as Grafana rounds it, for a line a pod; else a step a pixel.
    assert found["Prediction error"].step == 4 * STEP
    assert found["Pod drift over time"].step == STEP
    assert found["Pod drift"].step is None
    queries = [asked.query for one in boards for asked in panel_queries(one)]
    assert not any("$" in query.replace("$1", "") for query in queries)


@pytest.mark.parametrize(("pods", "limit"), GOALS.items())
def test_the_goal_follows_the_size(pods: int, limit: float) -> None:
    found = Evaluated(seconds={"a": 0.1, "b": limit}, samples=7, series=1, peak_bytes=GIB)
    slowest, samples, memory = rows(PlatformSize(pods=pods, treaties=2), found)
    assert (slowest.note, slowest.value, slowest.meets_goal) == ("b", limit, False)
    assert (samples.value, memory.value) == (7, GIB)


@pytest.mark.parametrize(("peak_mib", "meets_goal"), [(300, True), (301, False)])
def test_no_pod_may_add_more_memory_than_is_computed_for_it(
    peak_mib: int, *, meets_goal: bool
) -> None:
    few, many = PlatformSize(pods=10, treaties=2), PlatformSize(pods=110, treaties=2)
    growth = 100 * 2 * 2**20 // MEMORY_PER_SERIES
    found = {
        few: Evaluated(seconds={}, samples=0, series=1000, peak_bytes=100 * 2**20),
        many: Evaluated(seconds={}, samples=0, series=1000 + growth, peak_bytes=peak_mib * 2**20),
    }
    row = memory_of_a_pod(few, many, found)
    assert row.beside_value == 2 * 2**20
    assert row.meets_goal is meets_goal


def test_a_curve_has_the_slowest_groups_of_its_largest_size() -> None:
    found = {
        size: Evaluated(
            seconds={f"g{n}": n * size / 100 for n in range(1, 9)},
            samples=1,
            series=1,
            peak_bytes=size,
        )
        for size in (10, 100)
    }
    seconds, memory = curves("pods", found)
    assert [*seconds.lines] == ["g8", "g7", "g6", "g5", "g4", "g3"]
    assert seconds.lines["g8"] == [(10, 0.8), (100, 8.0)]
    assert memory.lines == {"peak": [(10, 10), (100, 100)]}


def test_a_healthy_platform_has_no_series_of_faults(rulebook: Rulebook) -> None:
    found = families(rulebook, PlatformSize(pods=2, treaties=2))
    assert not OF_FAULTS & {family.labels["__name__"] for family in found}
    assert len(named(found, "kube_statefulset_replicas")) == 2


def answer_of(samples: int, *values: float) -> dict[str, object]:
    return {"result": [*values], "stats": {"samples": {"totalQueryableSamples": samples}}}


@pytest.mark.parametrize(
    ("query", "answer", "may_find_nothing"),
    [
        ("a", answer_of(3, 1.0), False),
        ("a > 1", answer_of(3), True),
        ("vector(1)", answer_of(0, 1.0), False),
        ("ALERTS or kube_persistentvolumeclaim_status_phase", answer_of(0), False),
    ],
    ids=["data", "an alert that does not fire", "no series", "series of faults"],
)
def test_the_samples_of_a_query_count(
    query: str, answer: dict[str, object], may_find_nothing: bool
) -> None:
    found = count_samples("x", query, answer, may_find_nothing=may_find_nothing)
    assert found == (3 if query.startswith("a") else 0)


@pytest.mark.parametrize(
    ("query", "answer", "may_find_nothing", "does"),
    [
        ("a", answer_of(0), True, "reads no sample of"),
        ("a or vector(1)", answer_of(0, 1.0), False, "reads no sample of"),
        ("a * on () ALERTS", answer_of(3), False, "finds nothing in"),
    ],
    ids=["no sample", "only a value that is always there", "no result"],
)
def test_a_query_that_finds_nothing_is_refused(
    query: str, answer: dict[str, object], may_find_nothing: bool, does: str
) -> None:
    with pytest.raises(UserError, match=f"x: the query {does} the made-up series"):
        count_samples("x", query, answer, may_find_nothing=may_find_nothing)


def test_a_server_whose_series_have_ended_is_not_asked() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": 1}))
    client = httpx.Client(transport=transport, base_url="http://bench")
    now = time.time()
    assert BenchPrometheus(Mock(), client, Path(), now + 60).get("query") == 1
    with pytest.raises(UserError, match="series have ended"):
        BenchPrometheus(Mock(), client, Path(), now - 1).get("query")


def test_the_first_time_of_a_query_stands_apart() -> None:
    slow, fast = (PanelQuery(name, "a", 1, None) for name in ("slow", "fast"))
    row = slowest_row("x.json", {slow: [5.0], fast: [6.0, 0.1, 0.2, 0.3]})
    assert row.value == 5
    assert row.note == "slow; the first time of any: at most 6 s; 2 take longer than the goal"
    row = slowest_row("x.json", {fast: [0.6, 0.01, 0.02, 0.03]})
    assert (row.value, row.note) == (0.02, "fast; the first time of any: at most 600 ms")


def test_the_matrix_has_every_group_by_size() -> None:
    found = {
        PlatformSize(pods=pods, treaties=2): Evaluated(
            seconds={"a": pods / 100, "b": 1}, samples=1, series=1, peak_bytes=1
        )
        for pods in (2, 100)
    }
    matrix = group_matrix(found)
    assert matrix.header == ["", "2 pods, 2 treaties", "100 pods, 2 treaties"]
    assert matrix.rows == [["a", "20 ms", "1 s"], ["b", "1 s", "1 s"]]
