"""The forms of objectives that Sloth takes are taken here, and what the rules make of them."""

import json
import re
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.slos import slo_board
from rules.rulebook import Rulebook
from rules.slo.objectives import DEFAULT_OPTIONS, SloOptions
from rules.slo.windows import PERIODS
from tests.support.rules.rule_project import load
from tests.support.rules.slo_project import SPEC, write_slo
from tests.support.series import ROOT

EVENTS = SPEC[SPEC.index("    sli:") : SPEC.index("    alerting:")]
ALERTING = SPEC[SPEC.index("    alerting:") :]
BURNT = 'sum by (job) (rate(loaves_by_state{state="burnt"}[{{.window}}]))'
LOAVES = "sum by (job) (rate(loaves_by_state[{{.window}}]))"


def events(errors: str, total: str) -> str:
    """The valid objective with these queries."""
    sli = {"sli": {"events": {"error_query": errors, "total_query": total}}}
    return SPEC.replace(EVENTS, indented(sli))


def indented(data: object) -> str:
    text = yaml.safe_dump(data, sort_keys=False, width=10_000)
    return "".join(f"    {line}\n" for line in text.splitlines())


def read(root: Path, spec: str, options: SloOptions = DEFAULT_OPTIONS, *alerts: str) -> Rulebook:
    pages = {f"docs/runbooks/{alert}.md": "Look into the oven.\n" for alert in alerts}
    return load(write_slo(root, spec, pages), slo_options=options)


def rules(book: Rulebook) -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(book.files({})["slo_rules.yml"])["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    return {rule.get("record") or rule["alert"]: rule for rule in found}


def alerts(book: Rulebook) -> dict[str, str]:
    """Severity by name, of the objectives' alerts."""
    return {alert.name: alert.severity for alert in book.alerts if "sloth_id" in alert.labels}


@pytest.mark.parametrize(
    "errors",
    [BURNT, f"\n(\n  {BURNT}\n)", f"{BURNT} > 0", f"{BURNT} / 2"],
)
def test_errors_of_the_totals_own_metric_are_0_while_they_are_missing(
    errors: str, tmp_path: Path
) -> None:
    book = read(tmp_path, events(errors, LOAVES))
    (slo,) = book.slos
    assert slo.indicator.errors("1h") == (
        f"({errors.strip()}) or 0 * ({LOAVES})".replace("{{.window}}", "1h")
    )


ALREADY_KNOWN = {
    "good events that may be missing": f"{LOAVES} - {BURNT}",
    "a fallback that the file writes": f"{BURNT} or 0 * {LOAVES}",
    "a counter without labels of its own": "sum by (job) (rate(burnt_total[{{.window}}]))",
    "good events inside an aggregation": (
        "sum by (job) (rate(loaves_total[{{.window}}]) - rate(loaves_by_state[{{.window}}]))"
    ),
}


@pytest.mark.parametrize("case", ALREADY_KNOWN)
def test_other_errors_stay_as_they_are(case: str, tmp_path: Path) -> None:
    (slo,) = read(tmp_path, events(ALREADY_KNOWN[case], LOAVES)).slos
    assert slo.indicator.errors("1h") == ALREADY_KNOWN[case].replace("{{.window}}", "1h")


EVENTS_EACH = {
    "per second": ("rate(burnt_total[{{.window}}])", 30),
    "within the window": ("increase(burnt_total[{{.window}}])", 0.1),
    "at each moment": ("sum_over_time(burnt_total[{{.window}}])", 0.1),
    "in another way": ("max_over_time(burnt_total[{{.window}}])", None),
}


@pytest.mark.parametrize("case", EVENTS_EACH)
def test_the_errors_of_a_window_are_counted_however_the_query_counts(
    case: str, tmp_path: Path
) -> None:
    query, each = EVENTS_EACH[case]
    total = query.replace("burnt", "loaves")
    expr = rules(read(tmp_path, events(f"sum({query})", f"sum({total})")))[
        "slo:burn_rate:min_1h_5m"
    ]["expr"]
    bad = 'sum_over_time(slo:bad_events:over_5m{sloth_id="oven-bread"}[1h])'
    factor = f" * ({each:g} * sum by (namespace, job) ({bad}) >= bool 5)" if each else ""
    assert expr.endswith(factor)
    assert ("bool" in expr) == (each is not None)


def test_a_share_that_is_given_is_averaged_over_the_period_alone(tmp_path: Path) -> None:
    raw = {"sli": {"raw": {"error_ratio_query": "avg(avg_over_time(oven_heat[{{.window}}]))"}}}
    found = rules(read(tmp_path, SPEC.replace(EVENTS, indented(raw))))
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d"):
        query = f"avg(avg_over_time(oven_heat[{window}]))"
        assert found[f"slo:sli_error:ratio_rate{window}"]["expr"] == (
            f"clamp(({query}), 0, 1) >= 0 or 0 * count by (namespace, job) ({query})"
        )
    assert "oven_heat" not in found["slo:sli_error:ratio_rate30d"]["expr"]
    assert "bool" not in found["slo:burn_rate:min_1h_5m"]["expr"]


def test_names_may_have_underscores_dots_and_capitals(tmp_path: Path) -> None:
    named = SPEC.replace("name: bread", "name: Rye_bread.v2").replace("service: oven", "service: O")
    assert [slo.id for slo in read(tmp_path, named).slos] == ["O-Rye_bread.v2"]


def test_an_alerts_name_with_spaces_becomes_one_word(tmp_path: Path) -> None:
    names = ["OurRyeBreadBudgetBurnFast", "OurRyeBreadBudgetBurnSlow", "OurRyeBreadSliAbsent"]
    spaced = SPEC.replace("name: Bread", 'name: "our rye-bread"')
    book = read(tmp_path, spaced, DEFAULT_OPTIONS, *names)
    assert list(alerts(book)) == names
    url = rules(book)["OurRyeBreadSliAbsent"]["annotations"]["runbook_url"]
    assert url == "https://runbooks.test/pages/OurRyeBreadSliAbsent.md"


@pytest.mark.parametrize(
    ("disabled", "left"),
    [
        ("page", {"BreadBudgetBurnSlow": "warning", "BreadSliAbsent": "warning"}),
        ("ticket", {"BreadBudgetBurnFast": "critical", "BreadSliAbsent": "warning"}),
        ("page ticket", {}),
    ],
)
def test_disabled_alerts_are_left_out_and_no_panel_names_them(
    disabled: str, left: dict[str, str], tmp_path: Path
) -> None:
    alerting: dict[str, object] = {f"{one}_alert": {"disable": True} for one in disabled.split()}
    if left:
        alerting["name"] = "Bread"
    book = read(tmp_path, SPEC.replace(ALERTING, indented({"alerting": alerting})))
    assert alerts(book) == left
    assert "slo:burn_rate:min_1h_5m" in rules(book)
    assert slo_board(book.slos, book.slo_period).alerts == left.keys()
    assert book.siblings == ()


@pytest.mark.parametrize("labels", ["", "{severity: page}"])
def test_sloths_own_severities_need_no_edit(labels: str, tmp_path: Path) -> None:
    page = {"name": "Bread", "page_alert": yaml.safe_load(f"labels: {labels or '{}'}")}
    book = read(tmp_path, SPEC.replace(ALERTING, indented({"alerting": page})))
    assert alerts(book) == {
        "BreadBudgetBurnFast": "critical",
        "BreadBudgetBurnSlow": "warning",
        "BreadSliAbsent": "warning",
    }


def test_foreign_severities_are_mapped_by_a_setting(tmp_path: Path) -> None:
    foreign = SPEC.replace("severity: critical", "severity: sev1").replace(
        "severity: warning", "severity: ticket"
    )
    options = SloOptions(severities={"sev1": "critical", "ticket": "critical"})
    assert set(alerts(read(tmp_path, foreign, options)).values()) == {"critical"}


def test_labels_may_have_any_name_that_prometheus_takes(tmp_path: Path) -> None:
    labels = "app.kubernetes.io/name: bread\n  Équipe: nuit\n  team: kitchen"
    found = rules(read(tmp_path, SPEC.replace("team: kitchen", labels)))
    for name in ("slo:objective:ratio", "BreadBudgetBurnFast"):
        assert (
            found[name]["labels"].items()
            >= {
                "app.kubernetes.io/name": "bread",
                "Équipe": "nuit",
            }.items()
        )


def test_unquoted_values_of_labels_are_the_text_that_is_written(tmp_path: Path) -> None:
    labels = "tier: 007\n  generated: yes\n  since: 2026-11-26\n  version: 1.10\n  team: kitchen"
    found = rules(
        read(tmp_path, SPEC.replace("team: kitchen", labels).replace('tier: "1"', "a: b"))
    )
    assert (
        found["slo:objective:ratio"]["labels"].items()
        >= {
            "tier": "007",
            "generated": "yes",
            "since": "2026-11-26",
            "version": "1.10",
        }.items()
    )


def test_one_file_may_hold_several_objectives(tmp_path: Path) -> None:
    second = SPEC[SPEC.index("  - name: bread") :].replace("bread", "rye").replace("Bread", "Rye")
    ryes = [f"Rye{end}" for end in ("BudgetBurnFast", "BudgetBurnSlow", "SliAbsent")]
    book = read(tmp_path, SPEC + second, DEFAULT_OPTIONS, *ryes)
    assert [slo.id for slo in book.slos] == ["oven-bread", "oven-rye"]


@pytest.mark.parametrize(
    ("period", "limits"),
    [
        ("7d", [13.44, 3.5, 1.4, 0.98]),
        ("28d", [13.44, 5.6, 2.8, 0.9333]),
        ("30d", [14.4, 6, 3, 1]),
    ],
)
def test_a_stack_chooses_the_period_of_its_objectives(
    period: str, limits: list[float], tmp_path: Path
) -> None:
    book = read(tmp_path, SPEC, SloOptions(period=period))
    found = rules(book)
    assert found["slo:time_period:days"]["expr"] == f"vector({PERIODS[period].days})"
    assert f"slo:sli_error:ratio_rate{period}" in found
    longest = PERIODS[period].days * 86_400_000
    assert book.longest_range[1] == longest
    thresholds = {alert.name: alert.thresholds for alert in book.alerts}
    burns = (thresholds["BreadBudgetBurnFast"], thresholds["BreadBudgetBurnSlow"])
    assert [value for burn in burns for value in burn.values()] == limits
    text = json.dumps(slo_board(book.slos, book.slo_period).build({}).build(), cls=JSONEncoder)
    assert f"Kept over {period[:-1]} days" in text
    assert all(series in found for series in set(re.findall(r"slo:\w+:\w+", text)))


def test_the_example_of_the_how_to_is_accepted_as_it_is(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to.md").read_text()
    (example,) = re.findall(r"```yaml\n( +version: prometheus/v1\n.*?)```", page, re.DOTALL)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    shutil.copytree(ROOT / "docs/runbooks", tmp_path / "docs/runbooks")
    for end in ("BudgetBurnFast", "BudgetBurnSlow", "SliAbsent"):
        (tmp_path / f"docs/runbooks/JobRuns{end}.md").write_text("Look.\n")
    (tmp_path / "rules/slos/jobs.yaml").write_text(textwrap.dedent(example))
    slos = {slo.id: slo for slo in load(tmp_path).slos}
    assert slos["scheduler-job_runs"].indicator.fills_in_zero
