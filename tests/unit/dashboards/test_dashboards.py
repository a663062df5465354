"""The dashboards load in Grafana, show what exists, and draw the alerts' own thresholds."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
import yaml

from dashboards.catalog import (
    DATASOURCE_UID,
    Dashboard,
    Slo,
    all_dashboards,
    without_variables,
)
from dashboards.runbooks import belongs_to
from tests.support.boards import BOARDS, RUNBOOKS, SLOS, build
from tests.support.recording import Recording
from tests.support.series import (
    ROOT,
    alerts,
    inventory,
    known_series,
    labels_of_result,
    mistakes,
    names,
    recorded,
    series_of,
    thresholds,
)

MODELS: dict[str, dict[str, Any]] = {name: json.loads(b.json) for name, b in BOARDS.items()}
PANELS = [(name, panel) for name, model in MODELS.items() for panel in model["panels"]]
CHARTS = [(name, panel) for name, panel in PANELS if panel["type"] != "row"]
QUERIES = [(name, *query) for name, board in BOARDS.items() for query in board.queries]
ALERT_THRESHOLDS = [(alert, name) for alert, values in thresholds().items() for name in values]

each_board = pytest.mark.parametrize("name", BOARDS)
each_chart = pytest.mark.parametrize(
    "panel", [pytest.param(panel, id=f"{name}-{panel['title']}") for name, panel in CHARTS]
)
each_query = pytest.mark.parametrize(
    "expr",
    [pytest.param(e, id=f"{name}-{place}-{i}") for i, (name, place, e) in enumerate(QUERIES)],
)


@pytest.mark.parametrize(
    ("filename", "title", "uid"),
    [
        ("psi-field.json", "ψ-Field Metrics", "PBFA97CFB590B2093"),
        ("aurora-kpis.json", "Aurora KPIs", "vaultmesh-aurora-kpis"),
        ("scheduler.json", "Scheduler", "vaultmesh-scheduler"),
        ("slos.json", "SLOs", "vaultmesh-slos"),
        ("platform.json", "Platform", "vaultmesh-platform"),
        ("synthetics.json", "Synthetics", "vaultmesh-synthetics"),
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


@each_board
def test_a_dashboard_is_provisioned_and_refreshes_itself(name: str) -> None:
    model = MODELS[name]
    assert model["editable"] is False, "a change by hand would be lost at the next start"
    assert model["refresh"] == "30s"
    assert model["timezone"] in ("browser", "utc")
    assert "id" not in model, "the id is Grafana's own; only the uid is ours"


@each_board
def test_the_links_of_a_dashboard_lead_to_all_dashboards(name: str) -> None:
    (link,) = MODELS[name]["links"]
    assert link["type"] == "dashboards"
    for other, model in MODELS.items():
        assert set(link["tags"]) <= set(model["tags"]), f"{name} does not lead to {other}"


@each_board
def test_links_and_alert_marks_are_not_hidden_in_a_menu(name: str) -> None:
    for placed in (*MODELS[name]["links"], *MODELS[name]["annotations"]["list"]):
        assert "placement" not in placed


@each_board
def test_firing_alerts_and_starts_of_pods_are_marked_on_every_graph(name: str) -> None:
    alerts, starts = MODELS[name]["annotations"]["list"]
    for marks in (alerts, starts):
        assert marks["enable"] and marks["datasource"]["uid"] == DATASOURCE_UID
    assert alerts["target"]["expr"].startswith('ALERTS{alertstate="firing"')
    # Grafana puts a mark where the value says, in milliseconds, not where the sample is.
    assert starts["useValueForTime"]
    assert re.search(r"process_start_time_seconds.* \* 1000$", starts["target"]["expr"])


@each_query
def test_the_alert_that_always_fires_is_never_shown_as_firing(expr: str) -> None:
    for labels in re.findall(r"\bALERTS\{([^}]*)\}", expr):
        another = re.search(r'alertname="(?!Watchdog")\w+"', labels)
        assert another or re.search(r'severity(?:!="none"|="\w+")', labels), expr


@each_chart
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    assert panel["title"].strip()
    assert re.fullmatch(r"[A-Z].{20,}[.]", panel["description"]), "describe it in a sentence"
    assert panel["fieldConfig"]["defaults"]["unit"], "name a unit, `none` for a plain number"


@each_chart
def test_a_panel_asks_prometheus(panel: dict[str, Any]) -> None:
    assert panel["datasource"] == {"type": "prometheus", "uid": DATASOURCE_UID}
    references = [target["refId"] for target in panel["targets"]]
    assert references and len(references) == len(set(references))


@each_board
def test_panels_do_not_overlap_and_stay_on_the_grid(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in MODELS[name]["panels"]:
        at = panel["gridPos"]
        assert at["w"] > 0 and at["h"] > 0
        assert at["x"] >= 0 and at["x"] + at["w"] <= 24, f"{panel['title']} leaves the grid"
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["title"])
                assert other == panel["title"], f"{panel['title']} lies on {other}"


@each_board
def test_a_panel_can_be_told_from_the_others(name: str) -> None:
    for key in ("id", "title"):
        values = [panel[key] for panel in MODELS[name]["panels"]]
        assert len(values) == len(set(values)), f"two panels share the {key}: {values}"


@each_query
def test_a_query_parses_and_names_series_and_labels_that_exist(expr: str) -> None:
    assert mistakes(without_variables(expr)) == []


@each_chart
def test_a_legend_names_labels_that_its_query_keeps(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        wanted = set(re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"]))
        kept = labels_of_result(without_variables(target["expr"]), known_series())
        assert kept is None or wanted <= kept, f"{target['expr']} has lost {wanted - kept}"


@each_board
def test_a_query_uses_a_variable_if_and_only_if_the_dashboard_has_it(name: str) -> None:
    model = MODELS[name]
    exprs = [target["expr"] for panel in model["panels"] for target in panel.get("targets", ())]
    used = {found for expr in exprs for found in re.findall(r"\$(?!__)\{?(\w+)", expr)}
    assert used == {variable["name"] for variable in model["templating"]["list"]}


@pytest.mark.parametrize(
    ("name", "label"),
    [("psi-field.json", "pod"), ("aurora-kpis.json", "treaty"), ("synthetics.json", "probe")],
)
def test_one_or_several_or_all_can_be_chosen(name: str, label: str) -> None:
    (variable,) = MODELS[name]["templating"]["list"]
    assert variable["name"] == label
    assert variable["multi"] and variable["includeAll"]
    assert variable["datasource"]["uid"] == DATASOURCE_UID
    assert variable["current"]["value"] == "$__all", "a bookmark opens with everything shown"
    asked = re.fullmatch(rf"label_values\((.+), {label}\)", variable["query"])
    assert asked and label in (known_series()[next(iter(names(asked[1])))] or ())


@cache
def shown() -> set[str]:
    return set().union(*(names(without_variables(expr)) for _, _, expr in QUERIES))


@pytest.mark.parametrize("record", recorded())
def test_a_recorded_series_is_shown_on_a_dashboard_or_serves_another_rule(record: str) -> None:
    rules = [*(rule["expr"] for rule in alerts().values()), *recorded().values()]
    serves = set().union(*map(names, rules))
    assert record in shown() | serves, f"no panel shows {record}: add one in dashboards/"


@pytest.mark.parametrize("metric", [metric["name"] for metric in inventory()["metrics"]])
def test_a_metric_is_shown_on_a_dashboard(metric: str) -> None:
    through_rules = set().union(*(names(recorded()[r]) for r in shown() & recorded().keys()))
    assert metric in shown() | through_rules, f"no panel shows {metric}: add one in dashboards/"


@pytest.mark.parametrize(
    "metric", [m["name"] for m in inventory()["metrics"] if m["workload"] == "psi-field"]
)
def test_the_pods_can_be_compared_in_every_metric_of_the_field(metric: str) -> None:
    tables = [p for p in MODELS["psi-field.json"]["panels"] if p["type"] == "table"]
    exprs = [target["expr"] for panel in tables for target in panel["targets"]]
    assert [expr for expr in exprs if f"({metric}{{" in expr and "by (pod)" in expr]


@pytest.mark.parametrize(
    "alert", [rule for rule in alerts() if "sloth_id" in alerts()[rule]["labels"]]
)
def test_a_panel_names_each_alert_of_an_objective(alert: str) -> None:
    found = [panel["title"] for _, panel in CHARTS if alert in panel["description"]]
    assert found, f"no panel of dashboards/slos.py names {alert}"


def test_a_new_objective_gets_its_panels_without_a_change_of_the_dashboard() -> None:
    new = Slo("a-b", "a", "b", "NewFast", "NewSlow", "NewAbsent")
    limits = {"threshold_fast": 2.0, "threshold_slow": 1.0}
    boards = all_dashboards(
        {**thresholds(), "NewFast": limits, "NewSlow": limits},
        runbooks=RUNBOOKS | dict.fromkeys(new[-3:], ""),
        objectives=[*SLOS, new],
    )
    (text,) = [board.json for board in boards if board.filename == "slos.json"]
    titles = {panel["title"] for panel in json.loads(text)["panels"]}
    assert {"a: b", "a b: fast burn", "a b: slow burn", "a b: share of errors"} <= titles
    assert all(alert in text for alert in new[-3:])


def test_the_scheduler_s_dashboard_shows_every_metric_of_its_jobs() -> None:
    """It was empty once, for lack of a scheduler; now its jobs have something to say."""
    exprs = [expr for name, _, expr in QUERIES if name == "scheduler.json"]
    shown = set().union(*(names(without_variables(expr)) for expr in exprs))
    own = [metric for metric in inventory()["details"] if metric["workload"] == "scheduler"]
    for metric in own:
        assert shown & series_of(metric).keys(), f"no panel shows {metric['name']}"


def test_half_of_the_scheduler_s_dashboard_needs_only_what_prometheus_knows_of_any_target() -> None:
    """Then it says that the scheduler is down, or exports nothing, where its own metrics can't."""
    known = {metric["name"] for metric in inventory()["prometheus"]}
    charts = [panel for name, panel in CHARTS if name == "scheduler.json"]
    needs_nothing = [
        panel["title"]
        for panel in charts
        if all(names(without_variables(t["expr"])) <= known for t in panel["targets"])
    ]
    assert {"Pods up", "Pods found", "Time up", "Samples"} <= set(needs_nothing)


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_has_a_panel(alert: str) -> None:
    boards = [board for board in BOARDS.values() if alert in board.alerts]
    assert boards, f"no panel's description names {alert}: add one in dashboards/"


@each_chart
def test_a_panel_links_the_runbooks_of_exactly_the_alerts_that_it_names(
    panel: dict[str, Any],
) -> None:
    named = [alert for alert in alerts() if re.search(rf"\b{alert}\b", panel["description"])]
    links = panel.get("links", [])
    assert {link["title"] for link in links} == {f"Runbook: {alert}" for alert in named}
    assert {link["url"] for link in links} == {RUNBOOKS[alert] for alert in named}
    assert all(link["type"] == "link" and link["targetBlank"] for link in links)


def test_a_panel_leads_where_the_alert_itself_does(platform: Recording) -> None:
    rules = platform.one("ConfigMap", "prometheus-server")["data"]
    stated = {
        f"Runbook: {rule['alert']}": rule["annotations"]["runbook_url"]
        for key, text in rules.items()
        if key.endswith("_rules.yml")
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    linked = {
        link["title"]: link["url"]
        for config_map in platform.all("ConfigMap")
        for key, text in config_map["data"].items()
        if key.endswith(".json")
        for panel in json.loads(text)["panels"]
        for link in panel.get("links", [])
    }
    assert linked and linked.items() <= stated.items()


def test_the_name_of_an_alert_that_is_misspelled_is_refused() -> None:
    known = ["TreatyFillRateLow", "Watchdog", "TreatyDown"]
    assert belongs_to("TreatyDown, Watchdog, TreatyFillRateLow: TreatyDown.", known) == known[::-1]
    assert belongs_to("A StatefulSet, a Watchdo and ψ-Field.", known) == []
    with pytest.raises(ValueError, match=r"TreatyFilRateLow, .* did you mean TreatyFillRateLow\?"):
        belongs_to("Orange: TreatyFilRateLow fires.", known)


@pytest.mark.parametrize(("alert", "name"), ALERT_THRESHOLDS)
def test_a_changed_threshold_moves_in_the_panels_that_name_its_alert(alert: str, name: str) -> None:
    changed = thresholds()
    changed[alert][name] = marker = changed[alert][name] * 0.987654
    panels = [
        panel
        for board in build(changed)
        for panel in json.loads(board.json)["panels"]
        if alert in panel.get("description", "")
    ]
    assert panels, f"no panel's description names {alert}"
    for panel in panels:
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert marker in [step["value"] for step in steps], panel["title"]


@each_chart
def test_the_bands_of_a_panel_rise(panel: dict[str, Any]) -> None:
    first, *others = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    values = [step["value"] for step in others]
    assert first["value"] is None and values == sorted(values)


@each_chart
def test_a_panel_without_an_alert_is_not_coloured_by_grafana_s_default(
    panel: dict[str, Any],
) -> None:
    """Without steps of its own, Grafana paints every value of 80 and more red."""
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


@pytest.mark.parametrize(("alert", "name"), ALERT_THRESHOLDS)
def test_a_threshold_that_is_not_given_is_named(alert: str, name: str) -> None:
    incomplete = thresholds()
    del incomplete[alert][name]
    with pytest.raises(ValueError, match=rf"the {name} of {alert}\b"):
        build(incomplete)


def test_two_builds_are_equal_byte_for_byte() -> None:
    script = (
        "import json, sys; from dashboards.catalog import Slo, all_dashboards;"
        "t, s = json.load(sys.stdin); s = [Slo(*slo) for slo in s];"
        "r = json.loads(sys.argv[1]);"
        "boards = all_dashboards(t, runbooks=r, objectives=s);"
        "print(''.join(board.json for board in boards))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script, json.dumps(RUNBOOKS)],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            input=json.dumps([thresholds(), SLOS]),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


@each_board
def test_a_dashboard_is_a_text_file_that_can_be_read_and_compared(name: str) -> None:
    board: Dashboard = BOARDS[name]
    assert board.json.endswith("}\n") and board.json.count("\n") > 100
    assert len(board.json.encode()) < 100 * 1024, "half of what a ConfigMap may be: split it"


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ('up{pod=~"$pod"}', 'up{pod=~"pod"}'),
        ('up{pod=~"${pod:regex}"}', 'up{pod=~"pod"}'),
        ('up{pod=~"[[pod]]"}', 'up{pod=~"pod"}'),
        ('up{pod=~"[[pod:regex]]"}', 'up{pod=~"pod"}'),
        ("rate(a_total[$__rate_interval])", "rate(a_total[5m])"),
        ("rate(a_total[${__interval}])", "rate(a_total[5m])"),
        ("max_over_time(up[$__range:1m])", "max_over_time(up[5m:1m])"),
        ("increase(a_total[5m]) / $__range_s", "increase(a_total[5m]) / 300"),
        ("up * $__interval_ms", "up * 300"),
        ("label_values(up, pod)", "up"),
        ('label_values(up{job=~"a,b", pod!=""}, pod)', 'up{job=~"a,b", pod!=""}'),
        ("label_values(pod)", "vector(0)"),
        ('up{pod=~"psi-field-.*$"}', 'up{pod=~"psi-field-.*$"}'),
        (
            'label_replace(up, "a", "$1", "pod", "(.*)")',
            'label_replace(up, "a", "$1", "pod", "(.*)")',
        ),
    ],
)
def test_grafana_s_variables_are_replaced(expr: str, expected: str) -> None:
    assert without_variables(expr) == expected


def test_a_metric_name_made_from_a_variable_counts_as_unknown() -> None:
    assert mistakes(without_variables("psi_field_$metric"))
