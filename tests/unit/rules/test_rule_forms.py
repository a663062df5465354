"""Rule files that Prometheus takes are accepted, and reach it as they are meant."""

from pathlib import Path

import pytest
import yaml

from tests.support.rules.rule_project import (
    ALERT_FILE,
    ALERTS,
    METRIC_FILE,
    METRICS,
    RECORD_FILE,
    RECORDS,
    RUNBOOK,
    load,
    refusals,
    write,
)

ODD_NAMES = {
    "Too hot": "Too-hot.md",
    "Für Öfen": "Für-Öfen.md",
    "../../etc/passwd": "etc-passwd.md",
    "Disk full: /var": "Disk-full-var.md",
    "oven-heat.high": "oven-heat.high.md",
    "50%": "50.md",
    "!?": "%21%3F.md",
    "..": "...md",
    'Say "hot"': "Say-hot.md",
    "x" * 300: "x" * 60 + ".md",
}


@pytest.mark.parametrize("name", ODD_NAMES, ids=ODD_NAMES.values())
def test_an_alert_may_have_any_name_and_its_runbook_a_plain_one(name: str, tmp_path: Path) -> None:
    page = f"docs/runbooks/{ODD_NAMES[name]}"
    quoted = f"alert: '{name}'"
    files = {ALERT_FILE: ALERTS.replace("alert: Hot", quoted), RUNBOOK: None, page: "Open."}
    (alert,) = load(write(tmp_path, files)).alerts
    assert alert.name == name
    url = alert.annotations["runbook_url"]
    assert url.startswith("https://runbooks.test/pages/")
    assert url.isascii()
    assert " " not in url
    (tmp_path / page).unlink()
    (problem,) = refusals(tmp_path)
    assert f"Write {page}" in problem


RECORD_NAMES = [
    ":node_memory_MemAvailable_bytes:sum",
    "node_namespace_pod:kube_pod_info:",
    "apiserver_request:availability30d",
    "cluster:namespace:pod_memory:active:kube_pod_container_resource_limits",
    "no_level",
    "http.requests:rate",
    "Ofenwärme mittel",
    "99",
]


@pytest.mark.parametrize("name", RECORD_NAMES)
def test_a_record_may_have_any_name(name: str, tmp_path: Path) -> None:
    files = {RECORD_FILE: RECORDS.replace("oven:heat:avg", f"'{name}'")}
    (record,) = load(write(tmp_path, files)).records
    assert record.name == name


# Fields of a second rule that records oven:heat:avg.
SAME_NAME = {
    "another label": "expr: max by (job) (oven_heat)\n        labels: {kind: max}",
    "another result": "expr: avg by (pod) (oven_heat)",
    "another job": 'expr: avg by (job) (oven_heat{job="other"})',
    "another workload": "expr: avg by (job) (up)",
}


@pytest.mark.parametrize("case", SAME_NAME)
def test_records_may_share_a_name_with(case: str, tmp_path: Path) -> None:
    second = f"      - record: oven:heat:avg\n        {SAME_NAME[case]}\n"
    assert len(load(write(tmp_path, {RECORD_FILE: RECORDS + second})).records) == 2


SAME_SERIES = {
    "the same labels": "expr: max by (job) (oven_heat)",
    "the same rule": "expr: avg by (job) (oven_heat)",
    "the same labels in another order": "expr: max by (job) (max by (job, pod) (oven_heat))",
}


@pytest.mark.parametrize("case", SAME_SERIES)
def test_records_of_one_name_are_refused_with(case: str, tmp_path: Path) -> None:
    second = f"      - record: oven:heat:avg\n        {SAME_SERIES[case]}\n"
    (problem,) = refusals(write(tmp_path, {RECORD_FILE: RECORDS + second}))
    assert problem.startswith(f"{RECORD_FILE}:6: the record oven:heat:avg is already at")


def test_a_label_of_any_of_the_rules_of_a_record_may_be_selected(tmp_path: Path) -> None:
    second = "      - record: oven:heat:avg\n        expr: max(oven_heat)\n        labels: {a: b}\n"
    book = load(write(tmp_path, {RECORD_FILE: RECORDS + second}))
    assert book.check_query('oven:heat:avg{job="x", a="b"}') is None
    assert "Use one of: a, job." in str(book.check_query('oven:heat:avg{pod="x"}'))


# Old text of the alert file -> new text.
ALERT_FORMS = {
    "no wait": ("for: 5m", "for: 0"),
    "no wait in seconds": ("for: 5m", "for: 0s"),
    "a wait without a value": ("for: 5m", "for:"),
    "keep_firing_for": ("for: 5m", "keep_firing_for: 10m"),
    "keep_firing_for of zero": ("for: 5m", "keep_firing_for: 0"),
    "a wait in several units": ("for: 5m", "for: 1h30m"),
    "the server's own interval": ("interval: 30s", "interval: 0s"),
    "an interval without a value": ("interval: 30s", "interval:"),
    "a limit": ("interval: 30s", "limit: 10"),
    "no limit": ("interval: 30s", "limit: 0"),
    "a limit below zero": ("interval: 30s", "limit: -1"),
    "an offset": ("interval: 30s", "query_offset: 1m"),
    "no offset": ("interval: 30s", "query_offset: 0s"),
    "labels of the group": ("interval: 30s", "labels: {team: kitchen, k8s.cluster: a}"),
    "labels of the group without a value": ("interval: 30s", "labels:"),
    "a label in UTF-8": ("severity: w", '"straße.nr": a\n          severity: w'),
    "a label with dashes": ("severity: w", "not-good: a\n          severity: w"),
    "a label with __ in front": ("severity: w", "__a: a\n          severity: w"),
    "a label that is a number": ("severity: w", "tier: 2\n          severity: w"),
    "a label that is a boolean": ("severity: w", "paged: yes\n          severity: w"),
    "a label without a value": ("severity: w", "tier:\n          severity: w"),
    "a label whose name is a number": ("severity: w", "5: a\n          severity: w"),
    "an annotation that is a number": ('threshold: "5"', "threshold: 5"),
    "an annotation that is a date": ("threshold:", "since: 2025-10-23\n          threshold:"),
    "an annotation in UTF-8": ("threshold:", "dash-board: a\n          threshold:"),
    "an alert whose name is a number": ("alert: Hot", "alert: 500"),
    "a group whose name is a number": ("name: heat", "name: 5"),
    "a byte order mark": ("groups:", "\ufeffgroups:"),
    "a document's start": ("groups:", "---\ngroups:"),
    "Windows' line ends": ("\n", "\r\n"),
    "JSON": (ALERTS, str(yaml.safe_load(ALERTS)).replace("'", '"')),
}


@pytest.mark.parametrize("case", ALERT_FORMS)
def test_an_alert_file_is_accepted_with(case: str, tmp_path: Path) -> None:
    old, new = ALERT_FORMS[case]
    form = ALERTS.replace(old, new) if case == "Windows' line ends" else ALERTS.replace(old, new, 1)
    assert form != ALERTS
    files = {ALERT_FILE: form.encode(), "docs/runbooks/500.md": "Open the door."}
    book = load(write(tmp_path, files))
    (text,) = [book.files({})["alerting_rules.yml"]]
    (group,) = yaml.safe_load(text)["groups"]
    (rule,) = group["rules"]
    texts = {**group.get("labels", {}), **rule["labels"], **rule["annotations"]}
    assert all(isinstance(value, str) for pair in texts.items() for value in pair)


RECORD_FORMS = {
    "no wait": "for: 0s",
    "keep_firing_for of zero": "keep_firing_for: 0",
    "no annotations": "annotations: {}",
    "annotations without a value": "annotations:",
    "a label that is a number": "labels: {window: 5}",
    "another kind's field without a value": "alert:",
}


@pytest.mark.parametrize("case", RECORD_FORMS)
def test_a_recording_rule_is_accepted_with(case: str, tmp_path: Path) -> None:
    load(write(tmp_path, {RECORD_FILE: f"{RECORDS}        {RECORD_FORMS[case]}\n"}))


def test_an_expression_may_be_a_number(tmp_path: Path) -> None:
    files = {RECORD_FILE: RECORDS.replace("avg by (job) (oven_heat)", "5")}
    (record,) = load(write(tmp_path, files)).records
    assert record.fields.expr == "5"


def test_the_inventory_still_tells_numbers_from_text(tmp_path: Path) -> None:
    (problem,) = refusals(write(tmp_path, {METRIC_FILE: METRICS.replace("celsius", "5")}))
    assert "`unit` must be text" in problem
