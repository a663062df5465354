"""A large platform's series are planned as it has them, and the table shows what was measured."""

import json

import pytest

from bench.evaluation import GOALS, Evaluated, carried, curves, rows
from bench.filled_prometheus import local_files
from bench.panel_queries import panel_queries
from bench.synthetic_series import STEP, Family, Plan, Size, add_reaches, rule_reaches
from dashboards.catalog import Dashboard, all_dashboards
from problems import Problems
from promql.expressions import parse
from rules.rulebook import Rulebook
from rules.slo.objectives import DEFAULT_OPTIONS
from stacks.capacity import MEMORY_PER_SERIES
from stacks.files import ROOT, read_files

NOW = 1_800_000_000_000
HOUR = 3_600_000
GIB = 2**30


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return read_files({}, "https://runbooks.example", DEFAULT_OPTIONS, Problems()).rulebook


def families(rulebook: Rulebook, size: Size) -> list[Family]:
    reaches = rule_reaches(rulebook)
    return [*Plan(rulebook=rulebook, size=size, now=NOW, ahead=0, reaches=reaches).families()]


def named(found: list[Family], name: str) -> list[Family]:
    return [family for family in found if family.labels["__name__"] == name]


def test_each_pod_has_its_series(rulebook: Rulebook) -> None:
    found = families(rulebook, Size(pods=70, treaties=2))
    for name in ("psi_field_density", "psi_field_step_duration_seconds_count"):
        (family,) = named(found, name)
        assert family.copies == 70 and "%d" in family.labels["pod"]
    (up,) = (one for one in named(found, "up") if one.labels["job"] == "psi-field")
    assert up.copies == 70
    assert sum("%d" in one.labels["pod"] for one in named(found, "kube_pod_status_ready")) == 1


def test_each_treaty_has_its_series_in_each_treaty_pod(rulebook: Rulebook) -> None:
    found = named(families(rulebook, Size(pods=2, treaties=50)), "treaty_requests_total")
    assert [family.copies for family in found] == [50, 50]
    assert len({family.labels["pod"] for family in found}) == 2


def test_recorded_series_have_the_labels_that_their_rules_give_them(rulebook: Rulebook) -> None:
    found = named(families(rulebook, Size(pods=2, treaties=2)), "slo:bad_events:over_5m")
    assert len(found) == len(rulebook.slos)
    for family in found:
        assert family.recorded
        assert family.labels["job"] == family.labels["sloth_service"]
        assert NOW - family.origin >= 30 * 24 * HOUR


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
    slowest, samples, memory = rows(Size(pods=pods, treaties=2), found)
    assert (slowest.note, slowest.value, slowest.meets_goal) == ("b", limit, False)
    assert (samples.value, memory.value) == (7, GIB)


@pytest.mark.parametrize(
    ("peak_mib", "pods"),
    [(300, 60), (600, 30)],
    ids=["as many as full series allow", "fewer if memory grows faster"],
)
def test_the_pods_that_fit_follow_from_the_growth(peak_mib: int, pods: int) -> None:
    few, many = Size(pods=10, treaties=2), Size(pods=110, treaties=2)
    growth = 100 * 2 * 2**20 // MEMORY_PER_SERIES
    found = {
        few: Evaluated(seconds={}, samples=0, series=1000, peak_bytes=100 * 2**20),
        many: Evaluated(seconds={}, samples=0, series=1000 + growth, peak_bytes=peak_mib * 2**20),
    }
    assert carried(few, many, found, 200 * 2**20).value == pods


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
