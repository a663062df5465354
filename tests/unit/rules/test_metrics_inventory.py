"""The inventory of metrics: the series that it defines, and the mistakes that are refused."""

from pathlib import Path

import pytest

from tests.support.rules.rule_project import (
    ALERT_FILE,
    ALERTS,
    METRIC_FILE,
    METRICS,
    load,
    refusals,
    write,
)

TAIL = METRICS.index("  - name: oven_heat")
ENTRY = METRICS[TAIL : METRICS.index("prometheus:")]

BROKEN = {
    "a missing section": ((METRICS[METRICS.index("prometheus:") :], ""), 1, ["`prometheus` is m"]),
    "an unknown field": (("unit:", "unti:"), 5, ["`unti`", "Did you mean `unit`?"]),
    "an unknown type": (("type: gauge", "type: number"), 4, ["`type`", "'gauge'"]),
    "labels that are not a list": (("labels: []", "labels: pod"), 7, ["`labels`", "list"]),
    "a label twice": (("labels: []", "labels: [pod]"), 7, ["names a label twice"]),
    "a bad label name": (("labels: []", "labels: [a-b]"), 7, ["`a-b`"]),
    "a bad metric name": (("name: oven_heat", "name: oven:heat"), 3, ["`oven:heat`", "colons"]),
    "an empty help": (("help: Heat of the oven.", 'help: ""'), 8, ["`help` is empty"]),
    "a duplicate key": (("    unit: celsius", "    unit: a\n    unit: b"), 6, ["`unit`", "line 5"]),
    "the same metric twice": ((ENTRY, ENTRY + ENTRY), 9, [f"already at {METRIC_FILE}:3"]),
    "an empty list": ((ENTRY, "  []\n"), 2, ["`metrics` is empty"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_inventory_is_refused_for(case: str, tmp_path: Path) -> None:
    (old, new), line, words = BROKEN[case]
    broken = METRICS.replace(old, new, 1)
    assert broken != METRICS
    (problem,) = refusals(write(tmp_path, {METRIC_FILE: broken}))
    assert problem.startswith(f"{METRIC_FILE}:{line}: ")
    assert all(word in problem for word in words), problem


def test_an_empty_inventory_is_refused(tmp_path: Path) -> None:
    (problem,) = refusals(write(tmp_path, {METRIC_FILE: ""}))
    assert problem.startswith(METRIC_FILE)


def test_a_metric_carries_the_labels_of_scraping_and_its_own(tmp_path: Path) -> None:
    own = METRICS.replace("labels: []", "labels: [shelf]")
    metrics = {metric.name: metric for metric in load(write(tmp_path, {METRIC_FILE: own})).metrics}
    assert metrics["oven_heat"].labels == ["job", "pod", "shelf"]
    assert metrics["oven_heat"].workload == "oven"
    assert metrics["up"].workload is None


def test_a_metric_that_no_rule_uses_is_accepted(tmp_path: Path) -> None:
    more = METRICS.replace(ENTRY, ENTRY + ENTRY.replace("oven_heat", "oven_light"))
    assert len(load(write(tmp_path, {METRIC_FILE: more})).metrics) == 3


@pytest.mark.parametrize(
    ("kind", "series"),
    [
        ("histogram", ["oven_heat_bucket", "oven_heat_sum", "oven_heat_count"]),
        ("summary", ["oven_heat", "oven_heat_sum", "oven_heat_count"]),
    ],
)
def test_each_series_of_a_metric_is_known(kind: str, series: list[str], tmp_path: Path) -> None:
    files = {METRIC_FILE: METRICS.replace("type: gauge", f"type: {kind}", 1)}
    uses = ALERTS.replace("oven_heat > 5", f"{series[0]} > 5")
    files[ALERT_FILE] = uses
    files["rules/recording-rules.yaml"] = (
        "groups:\n  - name: recorded\n    rules:\n"
        f"      - record: a:b:c\n        expr: {series[1]} / {series[2]}\n"
    )
    book = load(write(tmp_path, files))
    assert [book.check_query(name) for name in series] == [None] * len(series)
    assert book.check_query("oven_heat_p99") is not None


def test_the_bucket_of_a_histogram_has_the_label_le(tmp_path: Path) -> None:
    files = {
        METRIC_FILE: METRICS.replace("type: gauge", "type: histogram", 1),
        ALERT_FILE: ALERTS.replace("oven_heat > 5", "oven_heat_bucket > 5").replace("pod", "le"),
        "rules/recording-rules.yaml": (
            "groups:\n  - name: recorded\n    rules:\n"
            "      - record: a:b:c\n        expr: oven_heat_sum\n"
        ),
    }
    book = load(write(tmp_path, files))
    assert "Use one of: job, le, pod." in str(book.check_query("oven_heat_bucket{a='b'}"))
