"""The rules that are generated from an objective: their names, labels and exact numbers."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.live.rewriting import LocalEnvironment, rewrite_rules
from promql.durations import parse_duration
from promql.expressions import parse
from rules.rulebook import Rulebook
from rules.slo.windows import LARGEST_BUDGET
from tests.support.recording import Recording
from tests.support.rules.rule_project import ALERT_FILE, ALERTS, load
from tests.support.rules.slo_project import SPEC, write_slo
from tests.support.series import rule_files, rulebook, selected_series

WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"]
IDENTITY = {"sloth_id": "oven-bread", "sloth_service": "oven", "sloth_slo": "bread"}
OWN = {"team": "kitchen", "tier": "1"}


@pytest.fixture
def book(tmp_path: Path) -> Rulebook:
    return load(write_slo(tmp_path, SPEC))


def groups(book: Rulebook) -> list[dict[str, Any]]:
    return yaml.safe_load(book.files({})["slo_rules.yml"])["groups"]


def rules(book: Rulebook) -> dict[str, dict[str, Any]]:
    found = [rule for group in groups(book) for rule in group["rules"]]
    return {rule.get("record") or rule["alert"]: rule for rule in found}


def test_sloths_series_are_recorded_with_sloths_labels(book: Rulebook) -> None:
    found = rules(book)
    for name in (
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
    ):
        assert found[name]["labels"] == {**OWN, **IDENTITY}
    for window in WINDOWS:
        indicator = found[f"slo:sli_error:ratio_rate{window}"]
        assert indicator["labels"] == {**OWN, **IDENTITY, "sloth_window": window}
    facts = {"sloth_mode": "vaultmesh", "sloth_objective": "99", "sloth_spec": "prometheus/v1"}
    assert found["sloth_slo_info"]["labels"] == {**OWN, **IDENTITY, **facts}


def test_the_shortest_window_is_computed_from_the_counters(book: Rulebook) -> None:
    expr = rules(book)["slo:sli_error:ratio_rate5m"]["expr"]
    errors, total = "sum by (job) (rate(burnt_total[5m]))", "sum by (job) (rate(loaves_total[5m]))"
    assert expr == f"({errors}) / (({total}) > 0) or (({total}) == 0 and ({errors}))"


def test_no_other_rule_reads_a_counter(book: Rulebook) -> None:
    """So the cost of a window does not depend on its length times the number of pods."""
    for rule in (rule for group in groups(book) for rule in group["rules"]):
        parsed = parse(rule["expr"])
        if selected_series(rule["expr"]) & {"burnt_total", "loaves_total"}:
            assert set(parsed.ranges) == {parse_duration("5m")}, rule


@pytest.mark.parametrize("window", ["30m", "1h", "2h", "6h"])
def test_a_quick_window_counts_the_newest_events_fully(window: str, book: Rulebook) -> None:
    """Half of five minutes is missing in the sums, and the newest sample stands for it."""
    ratio = rules(book)[f"slo:sli_error:ratio_rate{window}"]["expr"]
    events = {"slo:bad_events:over_5m", "slo:all_events:over_5m"}
    assert selected_series(ratio) == events | {"slo:watch:seconds"}
    shorter = parse_duration(window) - parse_duration("2m30s")
    assert set(parse(ratio).ranges) == {shorter, parse_duration("5m")}


@pytest.mark.parametrize("window", ["1d", "3d", "30d"])
def test_long_windows_read_two_recorded_series_and_no_counter(window: str, book: Rulebook) -> None:
    found = rules(book)
    ratio = found[f"slo:sli_error:ratio_rate{window}"]
    events = {"slo:bad_events:over_5m", "slo:all_events:over_5m"}
    assert selected_series(ratio["expr"]) == events
    assert set(parse(ratio["expr"]).ranges) == {parse_duration(window)}
    assert all(found[name]["labels"] == {**OWN, **IDENTITY} for name in events)


def test_long_windows_are_computed_less_often(book: Rulebook) -> None:
    """The quick group reads days of one recorded series at most, to count errors."""
    quick, slow = groups(book)
    assert (quick["interval"], slow["interval"]) == ("30s", "2m")
    day = 86_400_000
    for rule in quick["rules"]:
        if max(parse(rule["expr"]).ranges, default=0) >= day:
            assert rule["record"] in ("slo:burn_rate:min_1d_2h", "slo:burn_rate:min_3d_6h")
            assert "sum_over_time(slo:bad_events:over_5m{" in rule["expr"]
    assert any(max(parse(rule["expr"]).ranges, default=0) >= day for rule in slow["rules"])


# Objective in percent: promised ratio, budget, budget in seconds per 30 days.
EXACT = {
    "99": ("0.99", "0.01", "25920"),
    "99.9": ("0.999", "0.001", "2592"),
    "99.95": ("0.9995", "0.0005", "1296"),
    "99.99": ("0.9999", "0.0001", "259.2"),
    "99.999": ("0.99999", "0.00001", "25.92"),
    "97.5": ("0.975", "0.025", "64800"),
    "95.0": ("0.95", "0.05", "129600"),
}


@pytest.mark.parametrize("objective", EXACT)
def test_numbers_are_computed_exactly_from_the_objective(objective: str, tmp_path: Path) -> None:
    share, budget, seconds = EXACT[objective]
    changed = SPEC.replace("objective: 99", f"objective: {objective}")
    found = rules(load(write_slo(tmp_path, changed)))
    assert found["slo:objective:ratio"]["expr"] == f"vector({share})"
    assert found["slo:error_budget:ratio"]["expr"] == f"vector({budget})"
    for name in ("slo:current_burn_rate:ratio", "slo:burn_rate:over_1h", "slo:burn_rate:min_3d_6h"):
        assert f"}}) / {budget}" in found[name]["expr"]
    assert found["slo:error_budget_exhaustion:seconds"]["expr"].startswith(f"clamp_max({seconds} *")
    for alert in ("BreadBudgetBurnFast", "BreadBudgetBurnSlow"):
        assert (
            f"{{{{ {share} | humanizePercentage }}}}" in found[alert]["annotations"]["description"]
        )
    assert "00000000" not in yaml.safe_dump(found)
    assert "99999999" not in yaml.safe_dump(found)


def test_the_alerts_compare_each_pair_of_windows_with_its_own_limit(book: Rulebook) -> None:
    found, only = rules(book), '{sloth_id="oven-bread"}'
    latest = "max by (namespace, job, sloth_id, sloth_service, sloth_slo)"
    page, ticket = found["BreadBudgetBurnFast"], found["BreadBudgetBurnSlow"]
    assert page["expr"] == (
        f"{latest} (slo:burn_rate:min_1h_5m{only}) > 14.4"
        f" or {latest} (slo:burn_rate:min_6h_30m{only}) > 6"
    )
    assert ticket["expr"] == (
        f"{latest} (slo:burn_rate:min_1d_2h{only}) > 3"
        f" or {latest} (slo:burn_rate:min_3d_6h{only}) > 1"
    )
    assert (page["for"], ticket["for"]) == ("2m", "15m")
    thresholds = {alert.name: dict(alert.thresholds) for alert in book.alerts}
    assert thresholds["BreadBudgetBurnFast"] == {"threshold_fast": 14.4, "threshold_slow": 6}
    assert thresholds["BreadBudgetBurnSlow"] == {"threshold_fast": 3, "threshold_slow": 1}


def test_the_alerts_carry_sloths_severity_and_one_that_has_a_route(book: Rulebook) -> None:
    found = rules(book)
    for alert, own in (
        ("BreadBudgetBurnFast", {"severity": "critical", "sloth_severity": "page"}),
        ("BreadBudgetBurnSlow", {"severity": "warning", "sloth_severity": "ticket"}),
        ("BreadSliAbsent", {"severity": "warning", "sloth_severity": "ticket"}),
    ):
        assert found[alert]["labels"] == {**OWN, **IDENTITY, **own}
        page = f"https://runbooks.test/pages/{alert}.md"
        assert found[alert]["annotations"]["runbook_url"] == page


def test_labels_and_annotations_of_the_specification_override_the_defaults(tmp_path: Path) -> None:
    more = SPEC.replace(
        "      page_alert:\n        labels:\n",
        "      labels: {room: north}\n      annotations: {summary: The bread burns}\n"
        "      page_alert:\n        annotations: {summary: Run}\n        labels:\n",
    )
    found = rules(load(write_slo(tmp_path, more)))
    assert all(found[alert]["labels"]["room"] == "north" for alert in found if "Bread" in alert)
    assert found["BreadBudgetBurnFast"]["annotations"]["summary"] == "Run"
    assert found["BreadSliAbsent"]["annotations"]["summary"] == "The bread burns"


def test_a_page_inhibits_its_ticket(book: Rulebook) -> None:
    labels = ("job", "sloth_id", "sloth_service", "sloth_slo")
    assert book.siblings == (("BreadBudgetBurnFast", "BreadBudgetBurnSlow", labels),)


def test_a_page_does_not_inhibit_the_ticket_of_another_objective(tmp_path: Path) -> None:
    other = SPEC.replace("name: bread", "name: rye").replace("name: Bread", "name: Rye")
    pages = {
        f"docs/runbooks/Rye{end}.md": "Look."
        for end in ("BudgetBurnFast", "BudgetBurnSlow", "SliAbsent")
    }
    both = load(write_slo(tmp_path, SPEC, {"rules/slos/rye.yaml": other, **pages}))
    assert [pair[:2] for pair in both.siblings] == [
        ("BreadBudgetBurnFast", "BreadBudgetBurnSlow"),
        ("RyeBudgetBurnFast", "RyeBudgetBurnSlow"),
    ]
    assert [slo.id for slo in both.slos] == ["oven-bread", "oven-rye"]
    assert len(groups(both)) == 4


def test_a_stack_may_override_the_limits(tmp_path: Path) -> None:
    overrides = {"BreadBudgetBurnFast": {"threshold_fast": 10, "for": "5m"}}
    page = rules(load(write_slo(tmp_path, SPEC), overrides))["BreadBudgetBurnFast"]
    assert "min_1h_5m" in page["expr"] and "> 10 or" in page["expr"]
    assert "the limit is 10 (1h and 5m)" in page["annotations"]["description"]
    assert page["for"] == "5m"


def test_other_rules_and_dashboards_may_use_the_series(tmp_path: Path) -> None:
    uses = ALERTS.replace("oven_heat > 5", "slo:current_burn_rate:ratio > 5").replace(
        "$labels.pod", "$labels.sloth_slo"
    )
    book = load(write_slo(tmp_path, SPEC, {ALERT_FILE: uses}))
    assert book.check_query('slo:sli_error:ratio_rate5m{sloth_window="5m", job="oven"}') is None
    assert "no label pod" in str(book.check_query('slo:objective:ratio{pod="a"}'))


def test_labels_that_only_some_objectives_have_are_known(tmp_path: Path) -> None:
    other = SPEC.replace("name: bread", "name: rye").replace("name: Bread", "name: Rye")
    other = other.replace("team: kitchen", "flour: rye")
    pages = {
        f"docs/runbooks/Rye{end}.md": "Look."
        for end in ("BudgetBurnFast", "BudgetBurnSlow", "SliAbsent")
    }
    book = load(write_slo(tmp_path, SPEC, {"rules/slos/rye.yaml": other, **pages}))
    for label in ("team", "flour"):
        assert book.check_query(f'slo:objective:ratio{{{label}="a"}}') is None


def test_a_project_without_objectives_has_no_slo_rules_file(tmp_path: Path) -> None:
    from tests.support.rules.rule_project import write

    assert "slo_rules.yml" not in load(write(tmp_path, {})).files({})


def test_the_longest_range_of_an_objective_is_30_days(book: Rulebook) -> None:
    assert book.longest_range[1] == 30 * 86_400_000


def test_a_faster_run_shrinks_the_windows_and_keeps_the_names() -> None:
    text = rule_files()["slo_rules.yml"]
    faster = rewrite_rules(text, LocalEnvironment(60, {}, Path(), {}))

    def read(source: str) -> list[dict[str, Any]]:
        return [rule for group in yaml.safe_load(source)["groups"] for rule in group["rules"]]

    for before, after in zip(read(text), read(faster), strict=True):
        for field in ("record", "alert", "labels"):
            assert after.get(field) == before.get(field)
        selected = selected_series(before["expr"])
        assert selected_series(after["expr"]) == selected
        lengths = sorted(parse(before["expr"]).ranges)
        assert [60 * length for length in sorted(parse(after["expr"]).ranges)] == lengths


def test_every_objective_has_a_budget_that_lets_the_page_fire() -> None:
    for slo in rulebook().slos:
        assert slo.budget < LARGEST_BUDGET


@pytest.mark.parametrize("slo", rulebook().slos, ids=lambda slo: slo.id)
def test_every_stack_runs_the_service_of_each_objective(
    slo: Any, recordings: dict[str, Recording]
) -> None:
    for stack, platform in recordings.items():
        assert slo.service in dict(platform.pods()), f"{stack} runs no {slo.service}"
