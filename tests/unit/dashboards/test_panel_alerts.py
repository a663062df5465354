"""A panel shows the thresholds of its alerts, when they fire, and links to their runbooks."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models import units

from dashboards.bands import CRITICAL, OK, WARNING
from dashboards.catalog import all_dashboards
from dashboards.panels import Panel, Query, stat, time_series
from problems import Problems
from promql.variables import without_variables
from rules.rule import Alert
from rules.rulebook import Rulebook
from tests.support.boards import BOARDS, PANELS, build, panels_of
from tests.support.recording import Recording
from tests.support.rules.rule_project import load
from tests.support.series import ROOT, alerts, rulebook, selected_series, thresholds

each_board = pytest.mark.parametrize("name", BOARDS)
ALERTS: Mapping[str, Alert] = {alert.name: alert for alert in rulebook().alerts}


def steps(panel: Mapping[str, Any]) -> list[tuple[float | None, str]]:
    """(start, colour) of each band of a panel in Grafana's JSON."""
    bands = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [(band["value"], band["color"]) for band in bands]


def lines(panel: Mapping[str, Any]) -> dict[float, str]:
    """The colour in which Grafana draws the line of each threshold.

    As UPlotThresholds.ts of Grafana has it: the colour of the band that starts at the line, but up
    to the first transparent band that of the band before.
    """
    found = steps(panel)
    colors = [color for _, color in found]
    below = colors.index("transparent") if "transparent" in colors else 0
    return {
        value: colors[index - 1] if index <= below else color
        for index, (value, color) in enumerate(found)
        if value is not None
    }


def panel_titled(title: str) -> dict[str, Any]:
    """The only panel with this title."""
    (panel,) = [p for panels in PANELS.values() for p in panels if p["title"] == title]
    return panel


def problems_of(rulebook: Rulebook) -> list[str]:
    """The problems of the dashboards for a rulebook."""
    problems = Problems()
    all_dashboards(rulebook, problems)
    return list(problems.lines())


def rendered_panel(panel: Panel) -> dict[str, Any]:
    """The panel as Grafana's JSON, with this repository's alerts."""
    built = panel.build([ALERTS[name] for name in panel.alerts]).build()
    return json.loads(json.dumps(built, default=lambda part: part.to_json()))


def test_a_changed_threshold_moves_in_every_panel_of_its_alert() -> None:
    changed = {
        alert: {name: value * 0.987654 for name, value in values.items()}
        for alert, values in thresholds().items()
        if values
    }
    assert len(changed) > 10
    rulebook = load(ROOT, changed)
    panels = [panel for board in build(rulebook) for panel in panels_of(board)]
    for alert, values in changed.items():
        of_alert = [panel for panel in panels if alert in panel["description"]]
        assert of_alert, f"no panel names {alert}"
        for panel in of_alert:
            starts = {start for start, _ in steps(panel)}
            assert set(values.values()) <= starts, f"{panel['title']!r} does not show {alert}"


@each_board
def test_the_bands_of_a_panel_are_in_ascending_order(name: str) -> None:
    for panel in PANELS[name]:
        first, *others = [start for start, _ in steps(panel)]
        values = [start for start in others if start is not None]
        assert first is None and others == sorted(values), panel["title"]


@each_board
def test_a_panel_without_an_alert_does_not_use_grafanas_default_colours(name: str) -> None:
    """Grafana's default colours every value of 80 and above red."""
    for panel in PANELS[name]:
        assert steps(panel), panel["title"]


@each_board
def test_the_line_of_a_threshold_has_the_colour_of_its_alerts_severity(name: str) -> None:
    colors = {"warning": WARNING, "critical": CRITICAL}
    for panel in PANELS[name]:
        if panel["type"] != "timeseries":
            continue
        for alert in (alert for alert in ALERTS.values() if alert.name in panel["description"]):
            for value in alert.thresholds.values():
                drawn = lines(panel)[value]
                assert drawn == colors[alert.severity], f"{panel['title']!r} at {value}: {drawn}"


def test_bands_are_green_above_the_thresholds_of_alerts_that_fire_below() -> None:
    assert steps(panel_titled("Fill rate, worst treaty")) == [
        (None, CRITICAL),
        (0.75, WARNING),
        (0.9, OK),
    ]
    assert lines(panel_titled("Fill rate")) == {0.75: CRITICAL, 0.9: WARNING}


def test_bands_are_green_between_a_lower_and_an_upper_threshold() -> None:
    density = panel_titled("Density, lowest and highest pod")
    assert steps(density) == [(None, WARNING), (0.1, OK), (0.9, WARNING)]
    assert lines(panel_titled("Density")) == {0.1: WARNING, 0.9: WARNING}


def test_bands_stay_red_beyond_a_warning_that_lies_beyond_a_critical_threshold() -> None:
    fill = [ALERTS["TreatyFillRateLow"], ALERTS["TreatyFillRateCritical"]]
    swapped = [
        fill[0].with_fields(labels={"severity": "critical"}),
        fill[1].with_fields(labels={"severity": "warning"}),
    ]
    panel = stat("Fill", "How full.", Query("m"), unit=units.NoUnit, alerts=["A", "B"])
    built = panel.build(swapped).build()
    assert built.field_config and built.field_config.defaults.thresholds
    colors = [step.color for step in built.field_config.defaults.thresholds.steps]
    assert colors == [CRITICAL, CRITICAL, OK]


@pytest.mark.parametrize(
    ("panel", "sentence"),
    [
        (
            stat("T", "D.", unit="none", alerts=["TreatyFillRateLow", "TreatyFillRateCritical"]),
            "Orange: TreatyFillRateLow fires; red: TreatyFillRateCritical fires.",
        ),
        (
            time_series("T", "D.", unit="none", alerts=["PsiFieldPodDrift"]),
            "The dashed line is where PsiFieldPodDrift fires.",
        ),
        (
            time_series("T", "D.", unit="none", alerts=["TreatyFillRateLow", "TreatyRttHigh"]),
            "The dashed lines are where TreatyFillRateLow and TreatyRttHigh fire.",
        ),
        (
            time_series("T", "D.", unit="none", alerts=["PsiFieldDensityAnomaly"]),
            "PsiFieldDensityAnomaly fires outside the dashed lines.",
        ),
        (
            stat("T", "D.", unit="none", alerts=["TreatyDown", "PsiFieldDown"], when="at 0"),
            "TreatyDown and PsiFieldDown fire at 0.",
        ),
    ],
    ids=["colours", "a line", "lines", "a range", "in words"],
)
def test_a_panel_says_when_its_alerts_fire(panel: Panel, sentence: str) -> None:
    assert rendered_panel(panel)["description"] == f"D. {sentence}"


@each_board
def test_a_panel_links_the_runbooks_of_exactly_the_alerts_that_it_names(name: str) -> None:
    for panel in PANELS[name]:
        words = panel["description"].replace(".", " ").replace(",", " ").split()
        named = {word.rstrip(";:") for word in words} & ALERTS.keys()
        links = panel.get("links", [])
        assert {link["title"] for link in links} == {f"Runbook: {n}" for n in named}, panel["title"]
        urls = {ALERTS[alert].annotations["runbook_url"] for alert in named}
        assert {link["url"] for link in links} == urls, panel["title"]
        assert all(link["type"] == "link" and link["targetBlank"] for link in links)
        assert not any("placement" in link for link in links)


def test_a_panel_links_the_same_runbook_as_the_alert_itself(platform: Recording) -> None:
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


def test_an_unknown_alert_in_a_panel_is_reported_with_its_place_and_the_closest_name() -> None:
    renamed = ALERTS["TreatyDown"].with_fields(alert="TreatyDwon")
    others = [alert for alert in ALERTS.values() if alert.name != "TreatyDown"]
    found = problems_of(replace(rulebook(), alerts=(*others, renamed)))
    assert found == [
        "dashboards: no panel belongs to the alert TreatyDwon. Name it in the `alerts` of the panel"
        " that shows what it watches.",
        "dashboards/aurora_kpis.py: panel 'Workloads over time': no rule file has the alert"
        " `TreatyDown`. Did you mean `TreatyDwon`?",
    ]


def test_an_alert_whose_rule_could_not_be_read_is_not_reported_as_missing() -> None:
    others = [alert for alert in ALERTS.values() if alert.name != "TreatyDown"]
    assert problems_of(replace(rulebook(), alerts=tuple(others)))
    assert not problems_of(replace(rulebook(), alerts=tuple(others), complete=False))


def test_an_alert_that_no_panel_names_is_reported() -> None:
    stray = ALERTS["TreatyDown"].with_fields(alert="LoafCold")
    (line,) = problems_of(replace(rulebook(), alerts=(*rulebook().alerts, stray)))
    assert line.startswith("dashboards: no panel belongs to the alert LoafCold. Name it in")


def test_a_missing_threshold_that_a_panel_would_draw_is_reported() -> None:
    drawn = {
        alert for board in BOARDS.values() for alert in board.alerts if ALERTS[alert].thresholds
    }
    assert drawn == {alert for alert, values in thresholds().items() if values}
    for alert in (ALERTS[name] for name in sorted(drawn)):
        for name in alert.thresholds:
            left = {other: v for other, v in alert.annotations.items() if other != name}
            others = [a for a in rulebook().alerts if a.name != alert.name]
            changed = (*others, alert.with_fields(annotations=left))
            found = problems_of(replace(rulebook(), alerts=changed))
            assert [line for line in found if f"{alert.name} has no `{name}` to draw" in line]


def test_a_new_objective_gets_panels_without_a_change_to_the_dashboard() -> None:
    model = rulebook().slos[0]
    slo = replace(model, service="a", spec=model.spec.model_copy(update={"name": "b"}))
    slo = replace(
        slo,
        spec=slo.spec.model_copy(
            update={"alerting": slo.spec.alerting.model_copy(update={"name": "New"})}
        ),
    )
    new = [
        ALERTS[old].with_fields(alert=name)
        for old, name in (
            (model.page, slo.page),
            (model.ticket, slo.ticket),
            (model.absent, slo.absent),
        )
    ]
    boards = build(
        replace(rulebook(), alerts=(*rulebook().alerts, *new), slos=(*rulebook().slos, slo))
    )
    (board,) = [board for board in boards if board.filename == "slos.json"]
    titles = {panel["title"] for panel in json.loads(board.json)["panels"]}
    assert {"a: b", "a b: fast burn", "a b: slow burn", "a b: share of errors"} <= titles
    assert {alert.name for alert in new} <= board.alerts


def watched_by_the_platform() -> list[str]:
    """The alerts about the servers and their scrape targets."""
    files = ("prometheus", "alertmanager", "targets")
    texts = [(ROOT / f"rules/platform/{file}.yaml").read_text() for file in files]
    return [name for name in alerts() for text in texts if f"- alert: {name}\n" in text]


def test_the_platform_dashboard_shows_the_series_of_each_alert_about_the_monitoring() -> None:
    for alert in watched_by_the_platform():
        panels = [p for p in PANELS["platform.json"] if alert in p["description"]]
        exprs = [without_variables(t["expr"]) for p in panels for t in p["targets"]]
        series = set().union(*map(selected_series, exprs))
        missing = selected_series(alerts()[alert]["expr"]) - series
        assert not missing, f"no panel of dashboards/platform.py that names {alert} shows {missing}"
