"""The rulebook of this repository, and what it offers the rest of the program."""

from pathlib import Path

import pytest
import yaml

from rules.rulebook import Rulebook, load_rulebook
from tests.support.rule_project import (
    ALERT_FILE,
    ALERTS,
    METRIC_FILE,
    METRICS,
    RECORD_FILE,
    RECORDS,
    load,
    refusals,
    write,
)
from tests.support.series import book as book_of_the_repository
from tests.support.series import inventory, series_of

ROOT = Path(__file__).parents[3]
PAIR = ALERTS + ALERTS[ALERTS.index("      - alert") :].replace("Hot", "VeryHot").replace(
    "warning", "critical"
).replace("5", "9").replace("It is hot", "It is very hot")
RUNBOOKS = {"docs/runbooks/VeryHot.md": "Run."}


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return book_of_the_repository()


def test_the_platform_has_its_alerts_and_recorded_series(book: Rulebook) -> None:
    groups = [alert.group for alert in book.alerts]
    assert (groups.count("psi_field"), groups.count("aurora_treaty")) == (5, 7)
    assert [record.group for record in book.records].count("vaultmesh_aggregations") == 22
    assert len(inventory()["metrics"]) == 13


SECTIONS = ("metrics", "details", "processes", "platform", "prometheus")


@pytest.mark.parametrize("section", SECTIONS)
def test_a_query_may_use_every_section_of_the_inventory(book: Rulebook, section: str) -> None:
    for metric in inventory()[section]:
        for series in series_of(metric):
            assert book.check_query(series) is None


def test_the_files_are_one_document_each_with_every_rule_once(book: Rulebook) -> None:
    found: list[str] = []
    for text in book.files.values():
        (document,) = yaml.safe_load_all(text)
        assert text.count("groups:") == 1
        rules = [rule for group in document["groups"] for rule in group["rules"]]
        found += [rule.get("alert") or rule["record"] for rule in rules]
    assert sorted(found) == sorted(rule.name for rule in (*book.alerts, *book.records))


def test_the_given_alerts_and_records_stand_in_the_files_that_were_given(book: Rulebook) -> None:
    groups = {
        file: [(group["name"], len(group["rules"])) for group in yaml.safe_load(text)["groups"]]
        for file, text in book.files.items()
    }
    assert groups["alerting_rules.yml"] == [("aurora_treaty", 7), ("psi_field", 5)]
    assert groups["recording_rules.yml"] == [("vaultmesh_aggregations", 22)]


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
    (group,) = yaml.safe_load(book.files["platform_rules.yml"])["groups"]
    assert [rule.get("record") or rule["alert"] for rule in group["rules"]] == [
        "oven:own:max",
        "VeryHot",
    ]
    assert "oven:own:max" not in book.files["recording_rules.yml"]


def test_a_record_of_the_monitoring_counts_as_a_repeat_too(tmp_path: Path) -> None:
    twice = MIXED.replace("record: oven:own:max", "record: oven:heat:avg").replace(
        "oven:own:max", "oven_heat"
    )
    (problem,) = refusals(write(tmp_path, {"rules/platform/own.yaml": twice, **RUNBOOKS}))
    assert "the record oven:heat:avg is already at rules/" in problem


def test_two_groups_of_different_kinds_may_not_share_a_name(tmp_path: Path) -> None:
    same = {RECORD_FILE: RECORDS.replace("name: recorded", "name: heat")}
    (problem,) = refusals(write(tmp_path, same))
    assert "the group heat is already at rules/alerts/a.yaml" in problem


def test_rules_are_evaluated_every_30_seconds(book: Rulebook) -> None:
    """But those that look back for days, which move slowly and read much."""
    for text in book.files.values():
        groups = yaml.safe_load(text)["groups"]
        quick = [group for group in groups if not group["name"].endswith("-slow")]
        assert {group["interval"] for group in quick} == {"30s"}


@pytest.mark.parametrize(
    ("file", "folder"), [("alerting_rules.yml", "alerts"), ("platform_rules.yml", "platform")]
)
def test_the_sources_survive_the_merge(book: Rulebook, file: str, folder: str) -> None:
    merged = yaml.safe_load(book.files[file])["groups"]
    for group in merged:
        for rule in group["rules"]:
            rule.get("annotations", {}).pop("runbook_url", None)
    sources = [yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob(f"rules/{folder}/*"))]
    groups = [group for source in sources for group in source["groups"]]
    assert yaml.safe_dump(merged, sort_keys=False) == yaml.safe_dump(groups, sort_keys=False)


def test_the_files_can_be_read_by_people(book: Rulebook) -> None:
    assert "summary: ψ-Field is down\n" in book.files["alerting_rules.yml"]


@pytest.mark.parametrize("base", ["https://runbooks.test", "https://runbooks.test/"])
def test_a_runbook_url_has_no_empty_step(base: str) -> None:
    severities = ("warning", "critical")
    book = load_rulebook(ROOT, severities=severities, overrides={}, runbook_base_url=base)
    url = f"https://runbooks.test/{book.alerts[0].name}.md"
    assert book.alerts[0].annotations["runbook_url"] == url


def test_every_alert_links_its_own_runbook(book: Rulebook) -> None:
    for alert in book.alerts:
        url = f"https://runbooks.test/{alert.name}.md"
        assert alert.annotations["runbook_url"] == url
        assert [file for file, text in book.files.items() if url in text]


def test_treaty_alerts_speak_of_a_treaty_and_pod_alerts_of_a_pod(book: Rulebook) -> None:
    labels = {alert.name: alert.series_labels for alert in book.alerts}
    for name in ("PsiFieldDensityAnomaly", "PsiFieldPredictionErrorHigh", "PsiFieldDown"):
        assert "pod" in (labels[name] or ())
    for name in ("TreatyFillRateLow", "TreatyNoRequests", "TreatyDropRateHigh"):
        assert labels[name] == ("job", "namespace", "treaty")


def test_the_critical_fill_rate_is_the_sibling_of_the_low_one(book: Rulebook) -> None:
    expected = ("TreatyFillRateCritical", "TreatyFillRateLow", ("job", "namespace", "treaty"))
    of_slos = {(slo.page, slo.ticket) for slo in book.slos}
    assert [pair for pair in book.siblings if pair[:2] not in of_slos] == [expected]


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
def test_alerts_with_another_condition_are_no_siblings(old: str, new: str, tmp_path: Path) -> None:
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
def test_a_query_over_what_exists_is_fine(query: str, book: Rulebook) -> None:
    assert book.check_query(query) is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("psi_field_densty", "Did you mean psi_field_density?"),
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
def test_a_query_over_what_does_not_exist_is_not(query: str, reason: str, book: Rulebook) -> None:
    assert reason in str(book.check_query(query))


def test_the_labels_of_a_group_count_as_the_rules_own(tmp_path: Path) -> None:
    grouped = ALERTS.replace(
        "    interval: 30s\n", "    interval: 30s\n    labels: {severity: critical}\n"
    ).replace("          severity: warning\n", "          team: kitchen\n")
    (alert,) = load(write(tmp_path, {ALERT_FILE: grouped})).alerts
    assert alert.severity == "critical"
    assert alert.labels == {"severity": "critical", "team": "kitchen"}


def test_a_recorded_series_carries_the_labels_that_its_rule_adds(tmp_path: Path) -> None:
    files = {RECORD_FILE: RECORDS + "        labels: {tier: kitchen}\n"}
    book = load(write(tmp_path, files))
    assert book.records[0].labels == ("job", "tier")
    assert book.check_query('oven:heat:avg{tier="kitchen"}') is None


def test_a_record_that_uses_itself_ends(tmp_path: Path) -> None:
    loop = "groups:\n  - name: r\n    rules:\n      - record: a:b:c\n        expr: a:b:c + 1\n"
    (record,) = load(write(tmp_path, {RECORD_FILE: loop})).records
    assert record.labels is None


def test_a_series_with_the_labels_of_an_alert_may_be_asked_for_any(tmp_path: Path) -> None:
    more = METRICS + (
        "  - name: ALERTS\n    type: gauge\n    unit: boolean\n    labels: [alertname]\n"
        "    labels_of_alert: true\n    help: Alerts.\n"
    )
    book = load(write(tmp_path, {METRIC_FILE: more}))
    assert book.check_query('ALERTS{pod="a", alertname="Hot"}') is None
