"""Rules that Prometheus can't evaluate, or that can't return anything, are refused."""

from pathlib import Path

import pytest

from problems import Problems
from tests.support.rules.rule_project import (
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
from tests.support.series import rulebook

MORE_METRICS = {
    METRIC_FILE: METRICS.replace(
        "prometheus:\n",
        """\
  - {name: oven_light, type: gauge, unit: lux, workload: oven, labels: [], help: Light.}
  - {name: oven_doors_total, type: counter, unit: doors, workload: oven, labels: [], help: Doors.}
prometheus:
""",
    )
}
# Expression of an alert -> words of the refusal.
REFUSED = {
    "oven_heat[5m]": "returns samples over a range. Write a function around it",
    '"hot"': "is a string",
    'label_replace(oven_heat, "a", "b", "c", "(")': "closing parenthesis",
    'label_replace(oven_heat, "", "b", "c", "d")': "label without a name",
    "quantile(95, oven_heat) > 5": "Write a share from 0 to 1",
    'sum({__name__=~"oven_(heat|light)"} * 2) > 5': "oven_heat and oven_light have the same labels",
    '{__name__=~"oven_(heat|light)"} > 5': "Select one metric, or aggregate",
    "up > 1": "the left side of `up > 1` is 0 to 1, the right side 1",
    "count(oven_heat) == 0": "is at least 1, the right side 0",
    "rate(oven_doors_total[5m]) < 0": "is at least 0, the right side 0",
    "absent(up) and on () up": "needs series that are there and missing at once",
    "oven_heat unless oven_heat": "takes away all that its left side returns",
    "oven_heat > 5 and oven_heat < 3": "at once",
    'up{job="a", job="b"}': "no job is 'b' and fits job='a'",
    "topk(0, oven_heat)": "returns none",
    'label_join(sum by (pod) (oven_heat), "pod", "-") > 5': "gives every series the same pod",
    'label_replace(sum by (pod) (oven_heat), "pod", "x$2", "pod", "(.+)") > 5': "the same pod",
    "sum by (job) (oven_heat) / oven_light > 5": "its left side has no label pod",
    "oven_heat * on (pod) group_left () sum(oven_light) > 5": "its right side has no label pod",
    "clamp(oven_heat, 5, 3)": "returns nothing",
    "vector(1)": "the alert always fires",
    "1": "the alert always fires",
    "(oven_heat > bool 5)": "Remove `bool`",
    "oven_heat @ 1609746000 > 5": "reads oven_heat @ 1.60975e+09, a fixed time",
    "oven_heat offset -1h > 5": "reads oven_heat in the future alone",
    "max_over_time(oven_heat[5m] offset -10m) > 5": "in the future alone",
}


def with_expression(expr: str) -> dict[str, str]:
    """The project with one alert on an expression."""
    alerts = ALERTS.replace("expr: oven_heat > 5", f"expr: >-\n          {expr}")
    alerts = alerts.replace("{{ $labels.pod }}", "x").replace('          threshold: "5"\n', "")
    return {ALERT_FILE: alerts, **MORE_METRICS}


@pytest.mark.parametrize("expr", REFUSED)
def test_an_alert_is_refused_whose_expression_is(expr: str, tmp_path: Path) -> None:
    (problem,) = refusals(write(tmp_path, with_expression(expr)))
    assert problem.startswith(f"{ALERT_FILE}:6: `expr` of Hot ")
    assert REFUSED[expr] in problem


ACCEPTED = [
    'label_replace(sum by (pod) (oven_heat{pod=~"a"}), "pod", "x", "", "") > 5',
    "(absent(oven_heat) == bool 1)",
    "up == 0",
    "absent(oven_heat)",
    "absent(oven_heat) or up == 0",
    '(count(up{job="oven"}) or vector(0)) == 0',
    "oven_heat < 3 or oven_heat > 5",
    "oven_heat > 5 unless oven_heat > 9",
    "oven_heat > 5 unless on (pod) up == 0",
    "oven_heat unless oven_light",
    "oven_heat and oven_light > 5",
    "sum(oven_heat > bool 5) > 3",
    'sum({__name__=~"oven_(heat|light)"}) > 5',
    "oven_heat @ end() > 5",
    "max_over_time(oven_heat[15m] offset -10m) > 5",
    "oven_heat offset 1h > 5",
    "oven_heat != oven_heat",
    "oven_heat",
    "oven_heat / on (job) group_left () sum by (job) (oven_light) > 5",
    "oven_heat unless sum by (job) (oven_light)",
    'oven_heat * on (le) histogram_quantile(0.9, {__name__=~"oven_heat.*", le="1"}) > 5',
]


@pytest.mark.parametrize("expr", ACCEPTED)
def test_an_alert_is_accepted_whose_expression_is(expr: str, tmp_path: Path) -> None:
    load(write(tmp_path, with_expression(expr)))


LABELS = {
    "a label of the rule": ("severity: w", "pod: a\n          severity: w"),
    "a label of the group": ("interval: 30s", "interval: 30s\n    labels: {pod: a}"),
}


@pytest.mark.parametrize("case", LABELS)
def test_an_alert_whose_results_collide_is_refused_for(case: str, tmp_path: Path) -> None:
    alerts = ALERTS.replace(*LABELS[case])
    (problem,) = refusals(write(tmp_path, {ALERT_FILE: alerts}))
    assert "its results differ in pod alone, and the labels of the rule or its group" in problem


def test_a_template_in_a_label_may_keep_results_apart(tmp_path: Path) -> None:
    label = "severity: w", "pod: 'x-{{ $labels.pod }}'\n          severity: w"
    load(write(tmp_path, {ALERT_FILE: ALERTS.replace(*label)}))


def test_a_record_whose_results_collide_is_refused(tmp_path: Path) -> None:
    files = {RECORD_FILE: RECORDS.replace("(job)", "(pod)") + "        labels: {pod: all}\n"}
    (problem,) = refusals(write(tmp_path, files))
    assert problem.startswith(f"{RECORD_FILE}:5: `expr` of oven:heat:avg fails: its results differ")


def test_records_that_read_each_other_are_checked_with_all_that_is_known(tmp_path: Path) -> None:
    records = """\
groups:
  - name: recorded
    rules:
      - record: oven:first:sum
        expr: sum(oven:job:avg)
      - record: oven:pod:sum
        expr: sum by (job, pod) (oven:job:avg) * on (pod) oven_heat
      - record: oven:job:avg
        expr: avg by (job) (oven:pod:sum)
"""
    (problem,) = refusals(write(tmp_path, {RECORD_FILE: records}))
    assert problem.startswith(f"{RECORD_FILE}:7: `expr` of oven:pod:sum never returns anything")
    assert "its left side has no label pod" in problem


# Expression of an alert -> the shortest range that it may have, or None if it may stay.
RATES = {
    "rate(oven_doors_total[59s]) > 5": "1m",
    "rate(oven_doors_total[1m]) > 5": None,
    "increase((oven_doors_total[30s])) > 5": "1m",
    "irate(oven_doors_total[30s]) > 5": "1m",
    "delta(oven_heat[30s]) > 5": "1m",
    "idelta(oven_heat[30s]) > 5": "1m",
    "deriv(oven_heat[30s]) > 5": "1m",
    "predict_linear(oven_heat[30s], 60) > 5": "1m",
    "max_over_time(oven_heat[30s]) > 5": None,
    "changes(oven_heat[30s]) > 5": None,
    "rate(oven_doors_total[9m:5m]) > 5": "10m",
    "rate(oven_doors_total[10m:5m]) > 5": None,
    "rate(oven_doors_total[59s:]) > 5": "1m",
    "rate(oven:heat:avg[5m]) > 5": "10m",
    "rate(oven:heat:avg[10m]) > 5": None,
    "rate(oven_probes_total[5m]) > 5": "6m",
}


@pytest.mark.parametrize("expr", RATES)
def test_a_range_holds_two_samples(expr: str, tmp_path: Path) -> None:
    files = with_expression(expr)
    files[RECORD_FILE] = RECORDS.replace("recorded\n", "recorded\n    interval: 5m\n")
    files[METRIC_FILE] = files[METRIC_FILE].replace(
        "prometheus:\n",
        "  - {name: oven_probes_total, type: counter, unit: probes, workload: oven,"
        " labels: [probe], help: Probes.}\nprometheus:\n",
    )
    problems = Problems()
    load(write(tmp_path, files)).check_rates(30_000, 180_000, problems)
    found = problems.lines()
    assert bool(found) == bool(RATES[expr])
    for problem in found:
        assert problem.startswith(f"{ALERT_FILE}:6: `expr` of Hot: ")
        assert problem.endswith(f"Write {RATES[expr]} or more.")


def test_the_rules_of_this_repository_have_two_samples_in_each_range() -> None:
    problems = Problems()
    rulebook().check_rates(30_000, 300_000, problems)
    assert not problems.lines()
