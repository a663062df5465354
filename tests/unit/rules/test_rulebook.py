"""The rulebook of this repository, and the rulebook's methods."""

from pathlib import Path

import pytest
import yaml

from promql import expressions
from promql.expressions import parse
from promql.tree import Node
from rules.rulebook import Rulebook
from tests.support.rules.rule_project import (
    ALERT_FILE,
    ALERTS,
    METRIC_FILE,
    METRICS,
    RECORD_FILE,
    RECORDS,
    load,
    read,
    refusals,
    write,
)
from tests.support.series import (
    inventory,
    known_series,
    labels_of_result,
    metric_series,
    rule_files,
    rulebook,
)

ROOT = Path(__file__).parents[3]
PAIR = ALERTS + ALERTS[ALERTS.index("      - alert") :].replace("Hot", "VeryHot").replace(
    "warning", "critical"
).replace("5", "9").replace("It is hot", "It is very hot")
RUNBOOKS = {"docs/runbooks/VeryHot.md": "Run."}


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return rulebook()


GIVEN = {
    "psi_field": """PsiFieldDensityAnomaly PsiFieldTemporalEntropyHigh PsiFieldPredictionErrorHigh
        PsiFieldPodDrift PsiFieldDown""",
    "aurora_treaty": """TreatyFillRateLow TreatyFillRateCritical TreatyRttHigh TreatyProvenanceLow
        TreatyNoRequests TreatyDropRateHigh TreatyDown""",
    "vaultmesh_aggregations": """psi:density:avg psi:density:min psi:density:max
        psi:prediction_error:avg psi:prediction_error:max psi:coherence:avg psi:continuity:avg
        psi:futurity:avg psi:entropy:avg psi:entropy:max psi:time_dilation:avg psi:pod_drift:abs
        treaty:fill_rate:avg treaty:fill_rate:min treaty:rtt:avg treaty:rtt:max
        treaty:provenance:avg treaty:requests:rate_5m treaty:routed:rate_5m treaty:drop_rate:5m
        vaultmesh:health_score vaultmesh:l3_availability""",
}
"""The rules that the platform's owners named, by group. Groups may hold more."""


@pytest.mark.parametrize("group", GIVEN)
def test_the_rules_that_the_owners_named_are_in_their_group(book: Rulebook, group: str) -> None:
    found = {rule.name for rule in (*book.alerts, *book.records) if rule.group.name == group}
    assert set(GIVEN[group].split()) <= found


def test_recorded_series_of_pods_are_not_kept_for_years(tmp_path: Path) -> None:
    of_pods = "      - record: oven_pod:heat:max_5m\n        expr: max_over_time(oven_heat[5m])\n"
    book = load(write(tmp_path, {RECORD_FILE: RECORDS + of_pods}))
    assert [record.name for record in book.records] == ["oven:heat:avg", "oven_pod:heat:max_5m"]
    assert book.long_term_series == ("oven:heat:avg",)


SECTIONS = ("metrics", "details", "processes", "platform", "prometheus")


@pytest.mark.parametrize("section", SECTIONS)
def test_a_query_may_use_every_section_of_the_inventory(book: Rulebook, section: str) -> None:
    for metric in inventory()[section]:
        for series in metric_series(metric):
            assert book.check_query(series) is None


def test_each_file_is_one_document_and_each_rule_is_in_one_file(book: Rulebook) -> None:
    found: list[str] = []
    for text in rule_files().values():
        (document,) = yaml.safe_load_all(text)
        assert text.count("groups:") == 1
        rules = [rule for group in document["groups"] for rule in group["rules"]]
        found += [rule.get("alert") or rule["record"] for rule in rules]
    assert sorted(found) == sorted(rule.name for rule in (*book.alerts, *book.records))


def test_each_file_has_its_groups_of_rules(book: Rulebook) -> None:
    groups = {
        file: [group["name"] for group in yaml.safe_load(text)["groups"]]
        for file, text in rule_files().items()
    }
    assert groups["alerting_rules.yml"] == ["aurora_treaty", "psi_field"]
    assert groups["recording_rules.yml"] == ["vaultmesh_aggregations"]


MIXED = """\
groups:
  - name: own
    rules:
      - record: oven:own:max
        expr: max by (job, pod) (oven_heat)
      - alert: VeryHot
        expr: oven:own:max > 8
        for: 5m
        labels: {severity: warning}
        annotations: {summary: It is hot, description: It is very hot.}
"""


def test_a_file_about_the_monitoring_may_mix_both_kinds_of_rule(tmp_path: Path) -> None:
    book = load(write(tmp_path, {"rules/platform/own.yaml": MIXED, **RUNBOOKS}))
    (group,) = yaml.safe_load(book.files({})["platform_rules.yml"])["groups"]
    assert [rule.get("record") or rule["alert"] for rule in group["rules"]] == [
        "oven:own:max",
        "VeryHot",
    ]
    assert "oven:own:max" not in book.files({})["recording_rules.yml"]


def test_a_record_may_not_repeat_one_of_another_file(tmp_path: Path) -> None:
    twice = MIXED.replace("record: oven:own:max", "record: oven:heat:avg").replace(
        "oven:own:max", "oven_heat"
    )
    twice = twice.replace("by (job, pod)", "by (job)")
    (problem,) = refusals(write(tmp_path, {"rules/platform/own.yaml": twice, **RUNBOOKS}))
    assert "the record oven:heat:avg is already at rules/" in problem


def test_two_groups_of_different_kinds_may_not_share_a_name(tmp_path: Path) -> None:
    same = {RECORD_FILE: RECORDS.replace("name: recorded", "name: heat")}
    (problem,) = refusals(write(tmp_path, same))
    assert "the group heat is already at rules/alerts/a.yaml" in problem


def test_rules_are_evaluated_every_30_seconds(book: Rulebook) -> None:
    """Except slow groups: they read many samples, or panels read many of theirs."""
    for text in rule_files().values():
        groups = yaml.safe_load(text)["groups"]
        quick = [group for group in groups if not group["name"].endswith(("-slow", "_slow"))]
        assert {group["interval"] for group in quick} == {"30s"}


@pytest.mark.parametrize(
    ("file", "folder"), [("alerting_rules.yml", "alerts"), ("platform_rules.yml", "platform")]
)
def test_the_merge_changes_no_rule(book: Rulebook, file: str, folder: str) -> None:
    merged = yaml.safe_load(rule_files()[file])["groups"]
    for group in merged:
        for rule in group["rules"]:
            rule.get("annotations", {}).pop("runbook_url", None)
    sources = [yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob(f"rules/{folder}/*"))]
    groups = [group for source in sources for group in source["groups"]]
    assert yaml.safe_dump(merged, sort_keys=False) == yaml.safe_dump(groups, sort_keys=False)


def test_the_files_keep_non_ascii_text_readable(book: Rulebook) -> None:
    assert "summary: ψ-Field is down\n" in rule_files()["alerting_rules.yml"]


def test_every_alert_links_its_own_runbook(book: Rulebook) -> None:
    for alert in book.alerts:
        url = f"https://runbooks.test/{alert.name}.md"
        assert alert.annotations["runbook_url"] == url
        assert any(url in text for text in rule_files().values())


def test_treaty_alerts_carry_the_label_treaty_and_pod_alerts_the_label_pod(book: Rulebook) -> None:
    labels = {
        alert.name: labels_of_result(alert.fields.expr, known_series()) for alert in book.alerts
    }
    for name in ("PsiFieldDensityAnomaly", "PsiFieldPredictionErrorHigh", "PsiFieldDown"):
        assert "pod" in (labels[name] or ())
    for name in ("TreatyFillRateLow", "TreatyNoRequests", "TreatyDropRateHigh"):
        assert labels[name] == {"job", "namespace", "treaty"}


def test_the_critical_and_the_low_fill_rate_are_siblings(book: Rulebook) -> None:
    expected = ("TreatyFillRateCritical", "TreatyFillRateLow", ("job", "namespace", "treaty"))
    assert expected in book.siblings


def test_siblings_are_found_after_an_override(tmp_path: Path) -> None:
    overridden = load(
        write(tmp_path, {ALERT_FILE: PAIR, **RUNBOOKS}), {"VeryHot": {"threshold": 20}}
    )
    assert overridden.siblings == (("VeryHot", "Hot", ("job", "pod")),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("oven_heat > 9", "oven_heat >= 9"),
        ("oven_heat > 9", "oven_heat offset 5m > 9"),
        ("severity: critical", "severity: warning"),
        ("oven_heat > 9", "sum(oven_heat) > 9"),
    ],
)
def test_alerts_with_different_conditions_are_not_siblings(
    old: str, new: str, tmp_path: Path
) -> None:
    other = PAIR.replace(old, new)
    assert other != PAIR
    if "sum" in new:
        other = other.replace("oven_heat > 5", "sum(oven_heat) > 5").replace("$labels.pod", "1")
    assert load(write(tmp_path, {ALERT_FILE: other, **RUNBOOKS})).siblings == ()


@pytest.mark.parametrize(
    "query",
    [
        "psi_field_density",
        'max by (pod) (psi_field_prediction_error{namespace="aurora-staging"})',
        'rate(treaty_requests_total{treaty=~"A.*"}[5m])',
        "psi:pod_drift:abs",
        "vaultmesh:health_score * 100",
        'up{job="scheduler", pod!=""}',
        'ALERTS{alertname="TreatyDown", alertstate="firing", treaty="AURORA-AKASH-001"}',
        '{__name__=~"psi_field_.+"}',
        r'{__name__=~"\\pL+"}',
        "time() - scrape_duration_seconds",
    ],
)
def test_a_query_over_existing_series_is_accepted(query: str, book: Rulebook) -> None:
    assert book.check_query(query) is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("psi_field_densty", "Did you mean `psi_field_density`?"),
        ("a_b_c", "rules/metrics.yaml"),
        ("up + nosuch + nothere", "records nosuch. Add"),
        ("up + nosuch + nothere", "records nothere. Add"),
        ("sum(", "does not parse"),
        ("up == $instance", "dashboard variable $instance"),
        ('psi_field_density{treaty="a"}', "no label treaty"),
        ('psi:density:avg{pod="a"}', "no label pod"),
        ('ALERTS{alertname="TreatyDwn"}', "no alert TreatyDwn"),
        ('{job="psi-field"}', "names no metric"),
        ('{__name__=~"archivist_.+"}', "no metric's name matches"),
        ("", "no expression"),
    ],
)
def test_a_query_over_unknown_series_is_refused(query: str, reason: str, book: Rulebook) -> None:
    assert reason in str(book.check_query(query))


def test_a_rule_gets_the_labels_of_its_group(tmp_path: Path) -> None:
    grouped = ALERTS.replace(
        "    interval: 30s\n", "    interval: 30s\n    labels: {severity: critical}\n"
    ).replace("          severity: warning\n", "          team: kitchen\n")
    (alert,) = load(write(tmp_path, {ALERT_FILE: grouped})).alerts
    assert alert.severity == "critical"
    assert alert.labels == {"severity": "critical", "team": "kitchen"}


def test_a_recorded_series_carries_the_labels_that_its_rule_adds(tmp_path: Path) -> None:
    files = {RECORD_FILE: RECORDS + "        labels: {tier: kitchen}\n"}
    book = load(write(tmp_path, files))
    assert "Use one of: job, tier." in str(book.check_query('oven:heat:avg{pod="a"}'))
    assert book.check_query('oven:heat:avg{tier="kitchen"}') is None


def test_each_distinct_expression_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse_for_real = expressions.parse_tree

    def count_and_parse(text: str) -> Node:
        parsed.append(text)
        return parse_for_real(text)

    monkeypatch.setattr(expressions, "parse_tree", count_and_parse)
    parse.cache_clear()
    book = load(ROOT)
    assert book.files({}) and book.longest_range
    assert len(parsed) == len(set(parsed))
    assert {rule.fields.expr for rule in (*book.alerts, *book.records)} <= set(parsed)


WRONG = {
    ALERT_FILE: ALERTS.replace("severity: warning", "severity: loud"),
    "rules/alerts/b.yaml": ALERTS.replace("heat", "cold").replace("alert: Hot", "alert: [Cold]"),
    RECORD_FILE: RECORDS.replace("avg by", "average by"),
}


def test_a_rulebook_with_problems_holds_what_could_be_read(tmp_path: Path) -> None:
    book, problems = read(write(tmp_path, WRONG))
    assert not book.complete
    assert len(problems) == 3
    assert [alert.name for alert in book.alerts] == ["Hot"]
    assert book.alerts[0].thresholds == {"threshold": 5}
    assert [metric.name for metric in book.metrics] == ["oven_heat", "up"]
    assert list(book.files({})) == ["alerting_rules.yml", "recording_rules.yml"]


def test_series_that_a_broken_file_may_define_are_not_called_unknown(tmp_path: Path) -> None:
    book, _ = read(write(tmp_path, WRONG))
    assert book.check_query("oven:cold:avg") is None
    assert "no label shelf" in str(book.check_query('oven_heat{shelf="1"}'))


def test_a_rule_with_problems_that_could_be_read_leaves_the_rulebook_complete(
    tmp_path: Path,
) -> None:
    book, problems = read(write(tmp_path, {ALERT_FILE: WRONG[ALERT_FILE]}))
    assert len(problems) == 1
    assert book.complete
    assert "Did you mean `oven_heat`?" in str(book.check_query("oven_heet"))


def test_alerts_link_the_given_dashboards(tmp_path: Path) -> None:
    url = "https://grafana.test/d/oven"
    book = load(write(tmp_path, {}))
    (group,) = yaml.safe_load(book.files({"Hot": url})["alerting_rules.yml"])["groups"]
    assert group["rules"][0]["annotations"]["dashboard_url"] == url
    assert "dashboard_url" not in book.files({})["alerting_rules.yml"]


def test_a_record_may_use_itself(tmp_path: Path) -> None:
    loop = "groups:\n  - name: r\n    rules:\n      - record: a:b:c\n        expr: a:b:c + 1\n"
    book = load(write(tmp_path, {RECORD_FILE: loop}))
    assert book.check_query('a:b:c{any="label"}') is None


def test_any_label_may_be_selected_on_a_series_with_labels_of_alert(tmp_path: Path) -> None:
    more = METRICS + (
        "  - name: ALERTS\n    type: gauge\n    unit: boolean\n    labels: [alertname]\n"
        "    labels_of_alert: true\n    help: Alerts.\n"
    )
    book = load(write(tmp_path, {METRIC_FILE: more}))
    assert book.check_query('ALERTS{pod="a", alertname="Hot"}') is None
