"""The dashboards load in Grafana, and their queries, legends and variables are valid."""

import os
import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from dashboards.catalog import Dashboard
from dashboards.panels import DATASOURCE_UID, LINES
from promql.variables import without_variables
from tests.support.boards import BOARDS, MODELS, PANELS
from tests.support.series import (
    ROOT,
    alerts,
    expression_problems,
    inventory,
    known_series,
    labels_of_result,
    metric_series,
    recorded_expressions,
    selected_series,
)

OF_SERVERS = re.compile(r'\b(prometheus|alertmanager)_|\bjob="(scheduler|blackbox-exporter)"')
"""A part of each query of programs that never have many pods."""

each_board = pytest.mark.parametrize("name", BOARDS)


def queries(name: str) -> list[tuple[str, str]]:
    """(place, expression without variables) of each query of a dashboard."""
    return [(place, without_variables(expr)) for place, expr in BOARDS[name].queries]


@pytest.mark.parametrize(
    ("filename", "title", "uid"),
    [
        ("psi-field.json", "ψ-Field Metrics", "PBFA97CFB590B2093"),
        ("aurora-kpis.json", "Aurora KPIs", "vaultmesh-aurora-kpis"),
        ("scheduler.json", "Scheduler", "vaultmesh-scheduler"),
        ("slos.json", "SLOs", "vaultmesh-slos"),
        ("platform.json", "Platform", "vaultmesh-platform"),
        ("synthetics.json", "Synthetics", "vaultmesh-synthetics"),
        ("workloads.json", "Workloads", "vaultmesh-workloads"),
    ],
)
def test_links_to_a_dashboard_keep_working(filename: str, title: str, uid: str) -> None:
    """Grafana takes a uid of at most 40 letters, digits, dashes and underscores."""
    assert (BOARDS[filename].title, BOARDS[filename].uid) == (title, uid)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid)


def test_no_two_dashboards_share_a_uid_a_title_or_a_file() -> None:
    for attribute in ("uid", "title", "filename"):
        values = [getattr(board, attribute) for board in BOARDS.values()]
        assert len(values) == len(set(values)), f"two dashboards share a {attribute}: {values}"


def test_a_dashboard_names_the_file_that_declares_it() -> None:
    for board in BOARDS.values():
        assert f'title="{board.title}"' in (ROOT / board.source).read_text(encoding="utf-8")


@each_board
def test_a_dashboard_is_provisioned_and_refreshes_itself(name: str) -> None:
    model = MODELS[name]
    assert model["editable"] is False, "a change by hand would be lost at the next start"
    assert model["refresh"] == "30s"
    assert model["timezone"] in ("browser", "utc")
    assert "id" not in model, "the id is Grafana's own; only the uid is ours"


@each_board
def test_every_dashboard_links_to_all_dashboards(name: str) -> None:
    (link,) = MODELS[name]["links"]
    assert link["type"] == "dashboards"
    for other, model in MODELS.items():
        assert set(link["tags"]) <= set(model["tags"]), f"{name} does not lead to {other}"


@each_board
def test_links_and_annotations_are_not_hidden_in_a_menu(name: str) -> None:
    for placed in (*MODELS[name]["links"], *MODELS[name]["annotations"]["list"]):
        assert "placement" not in placed


@each_board
def test_firing_alerts_and_starts_of_pods_are_marked_on_every_graph(name: str) -> None:
    firing, starts = MODELS[name]["annotations"]["list"]
    for marks in (firing, starts):
        assert marks["enable"] and marks["datasource"]["uid"] == DATASOURCE_UID
    assert firing["target"]["expr"].startswith('ALERTS{alertstate="firing"')
    # Grafana puts the mark at the time of the value, in milliseconds, not of the sample.
    assert starts["useValueForTime"]
    recent = r"process_start_time_seconds.* > time\(\) - (\d+)\) \* 1000$"
    found = re.search(recent, starts["target"]["expr"])
    assert found
    # Grafana asks for annotations at each minute.
    assert int(found[1]) > 60


@each_board
def test_the_alert_that_always_fires_is_never_shown_as_firing(name: str) -> None:
    for place, expr in queries(name):
        for labels in re.findall(r"\bALERTS\{([^}]*)\}", expr):
            another = re.search(r'alertname="(?!Watchdog")\w+"', labels)
            counted = another or re.search(r'severity(?:!="none"|="\w+")', labels)
            assert counted, f"{place!r} shows Watchdog as firing: {expr}"


@each_board
def test_a_workloads_alerts_include_those_about_its_probes_and_objectives(name: str) -> None:
    """ProbeFailing has the prober's job, and an alert about an objective has no job."""
    for place, expr in queries(name):
        for job in set(re.findall(r'ALERTS\{[^}]*\bjob="([^"]+)"', expr)):
            for owner in ("workload", "sloth_service"):
                found = re.search(rf'ALERTS\{{[^}}]*\b{owner}="{job}"', expr)
                assert found, f"{place!r} leaves out the alerts with {owner}={job!r}"


@each_board
def test_a_panel_has_a_title_a_description_and_a_unit(name: str) -> None:
    for panel in PANELS[name]:
        title, says = panel["title"], panel["description"]
        assert title.strip(), f"panel {panel['id']} has no title"
        assert re.fullmatch(r"[A-Z].{20,}[.]", says), f"describe {title!r} in sentences: {says}"
        unit = panel["fieldConfig"]["defaults"]["unit"]
        assert unit, f"{title!r} has no unit. Use units.NoUnit for a plain number."


@each_board
def test_a_panel_queries_prometheus(name: str) -> None:
    for panel in PANELS[name]:
        source = {"type": "prometheus", "uid": DATASOURCE_UID}
        assert panel["datasource"] == source, panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(references) == len(set(references)), panel["title"]


@each_board
def test_panels_do_not_overlap_and_stay_on_the_grid(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in MODELS[name]["panels"]:
        at = panel["gridPos"]
        assert at["w"] > 0 and at["h"] > 0, f"{panel['title']!r} has no size"
        assert at["x"] >= 0 and at["x"] + at["w"] <= 24, f"{panel['title']!r} leaves the grid"
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["title"])
                assert other == panel["title"], f"{panel['title']!r} lies on {other!r}"


@each_board
def test_a_panels_title_and_id_are_unique(name: str) -> None:
    for key in ("id", "title"):
        values = [panel[key] for panel in MODELS[name]["panels"]]
        assert len(values) == len(set(values)), f"two panels share the {key}: {values}"


@each_board
def test_a_query_parses_and_names_series_and_labels_that_exist(name: str) -> None:
    wrong = {place: found for place, expr in queries(name) if (found := expression_problems(expr))}
    assert not wrong


def lost_labels(panel: dict[str, Any]) -> list[str]:
    """The labels in a panel's legends that its queries do not return."""
    found = []
    for target in panel["targets"]:
        wanted = set(re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"]))
        kept = labels_of_result(without_variables(target["expr"]), known_series())
        if kept is not None and not wanted <= kept:
            found.append(f"{target['expr']} has lost {wanted - kept}")
    return found


@each_board
def test_a_legend_names_labels_that_its_query_keeps(name: str) -> None:
    wrong = {panel["title"]: found for panel in PANELS[name] if (found := lost_labels(panel))}
    assert not wrong


@each_board
def test_no_series_has_an_empty_name_in_a_legend(name: str) -> None:
    """`or vector(0)` adds a series without labels, for which a legend of labels is empty."""
    for panel in PANELS[name]:
        for target in panel["targets"]:
            is_nameless = "{{" in target["legendFormat"] and target["expr"].endswith("vector(0)")
            assert not is_nameless, f"{panel['title']!r}: {target['expr']}"


@each_board
def test_a_query_uses_a_variable_if_and_only_if_the_dashboard_has_it(name: str) -> None:
    exprs = [target["expr"] for panel in PANELS[name] for target in panel["targets"]]
    used = {found for expr in exprs for found in re.findall(r"\$(?!__)\{?([A-Za-z_]\w*)", expr)}
    assert used == {variable["name"] for variable in MODELS[name]["templating"]["list"]}


@pytest.mark.parametrize(
    ("name", "label"),
    [("psi-field.json", "pod"), ("aurora-kpis.json", "treaty"), ("synthetics.json", "probe")],
)
def test_one_several_or_all_values_can_be_chosen(name: str, label: str) -> None:
    (variable,) = MODELS[name]["templating"]["list"]
    assert variable["name"] == label
    assert variable["multi"] and variable["includeAll"]
    assert variable["datasource"]["uid"] == DATASOURCE_UID
    assert variable["current"]["value"] == "$__all", "a bookmark opens with everything shown"
    asked = re.fullmatch(rf"label_values\((.+), {label}\)", variable["query"])
    assert asked and label in (known_series()[next(iter(selected_series(asked[1])))] or ())


@each_board
def test_a_panel_that_may_read_a_thousand_series_bounds_its_lines(name: str) -> None:
    for panel in PANELS[name]:
        for target in panel["targets"]:
            of_each = re.search(r"{{(pod|treaty|container)}}", target["legendFormat"])
            if of_each and not OF_SERVERS.search(target["expr"]):
                assert re.match(r"(top|bottom)k\(", target["expr"]), target["expr"]
                assert "maxDataPoints" in panel, f"{panel['title']} has no `many=True`"
                assert f"Of more than {LINES}" in panel["description"], panel["title"]


@cache
def shown_series() -> set[str]:
    """The names of all series that panels show."""
    return set().union(*(selected_series(expr) for name in BOARDS for _, expr in queries(name)))


def test_a_recorded_series_is_shown_on_a_dashboard_or_serves_another_rule() -> None:
    rules = [*(rule["expr"] for rule in alerts().values()), *recorded_expressions().values()]
    serves = set().union(*map(selected_series, rules))
    missing = recorded_expressions().keys() - (shown_series() | serves)
    assert not missing, f"no panel shows {missing}. Add one in dashboards/."


def test_a_metric_is_shown_on_a_dashboard() -> None:
    through_rules = set().union(
        *(
            selected_series(recorded_expressions()[r])
            for r in shown_series() & recorded_expressions().keys()
        )
    )
    metrics = {metric["name"] for metric in inventory()["metrics"]}
    missing = metrics - (shown_series() | through_rules)
    assert not missing, f"no panel shows {missing}. Add one in dashboards/."


def test_a_table_compares_the_pods_in_every_metric_of_the_field() -> None:
    tables = [panel for panel in PANELS["psi-field.json"] if panel["type"] == "table"]
    exprs = [target["expr"] for panel in tables for target in panel["targets"]]
    for metric in inventory()["metrics"]:
        if metric["workload"] == "psi-field":
            found = [e for e in exprs if f"({metric['name']}{{" in e and "by (pod)" in e]
            assert found, f"no table compares the pods in {metric['name']}"


def test_the_schedulers_dashboard_shows_every_metric_of_its_jobs() -> None:
    """The dashboard was once empty, because there was no scheduler."""
    shown = set().union(*(selected_series(expr) for _, expr in queries("scheduler.json")))
    recorded = recorded_expressions()
    own = shown.union(*(selected_series(recorded[name]) for name in shown & recorded.keys()))
    for metric in inventory()["details"]:
        if metric["workload"] == "scheduler":
            assert own & metric_series(metric).keys(), f"no panel shows {metric['name']}"


def test_some_of_the_schedulers_panels_use_only_series_that_every_target_has() -> None:
    """They work even if the scheduler is down or exports nothing."""
    known = {metric["name"] for metric in inventory()["prometheus"]}
    needs_nothing = {
        panel["title"]
        for panel in PANELS["scheduler.json"]
        if all(selected_series(without_variables(t["expr"])) <= known for t in panel["targets"])
    }
    assert {"Pods up", "Pods found", "Time up", "Samples"} <= needs_nothing


def test_two_builds_are_equal_byte_for_byte() -> None:
    script = (
        "from tests.support.boards import BOARDS;"
        "print(''.join(board.json for board in BOARDS.values()))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


@each_board
def test_a_dashboard_is_indented_json_of_a_limited_size(name: str) -> None:
    board: Dashboard = BOARDS[name]
    assert board.json.endswith("}\n") and board.json.count("\n") > 100
    assert len(board.json.encode()) < 100 * 1024, "half of what a ConfigMap may be: split it"


def test_a_metric_name_made_from_a_variable_counts_as_unknown() -> None:
    assert expression_problems(without_variables("psi_fields_$metric"))
