"""Each mistake in an objective is refused in one line with its place and what to write instead."""

import random
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.rules.rule_project import ALERT_FILE, load, refusals
from tests.support.rules.slo_project import SLO_FILE, SPEC, write_slo
from tests.unit.rules.test_rule_fuzz import DATA, load_and_check

ERRORS = "sum by (job) (rate(burnt_total[{{.window}}]))"
TOTAL = "sum by (job) (rate(loaves_total[{{.window}}]))"
EVENTS = SPEC[SPEC.index("    sli:") : SPEC.index("    alerting:")]

# Mistake -> (old text, new text) in the valid file, line, words of the message.
BROKEN = {
    "an empty file": ((SPEC, ""), 1, ["must be a mapping"]),
    "a syntax error": (("objective: 99", "objective: [99"), 8, ["not YAML"]),
    "a duplicate key": (
        ("    objective: 99", "    objective: 99\n    objective: 98"),
        8,
        ["`objective`", "already on line 7"],
    ),
    "another version": (("prometheus/v1", "openslo/v1"), 1, ["`version`", "prometheus/v1"]),
    "an invalid service name": (("service: oven", "service: The oven"), 2, ["`The oven`"]),
    "an unknown field": (("labels:\n  team", "lables:\n  team"), 3, ["Did you mean `labels`?"]),
    "no objectives": ((SPEC[SPEC.index("slos:") :], "slos: []\n"), 5, ["`slos` is empty"]),
    "a misspelled field": (("objective:", "objectiv:"), 7, ["Did you mean `objective`?"]),
    "an objective of 100 %": (
        ("objective: 99", "objective: 100"),
        7,
        ["100 %", "leaves no budget"],
    ),
    "an objective written as a ratio": (("objective: 99", "objective: 0.99"), 7, ["a percentage"]),
    "an objective too low for the page to fire": (
        ("objective: 99", "objective: 93"),
        7,
        ["above 93.06", "the page can't fire"],
    ),
    "an objective that is not a number": (("objective: 99", "objective: .nan"), 7, ["`objective`"]),
    "an objective that is text": (("objective: 99", 'objective: "99"'), 7, ["`objective`"]),
    "a name with spaces": (
        ("name: bread", "name: fresh bread"),
        6,
        ["`fresh bread`", "Use letters"],
    ),
    "a reserved label": (("team: kitchen", "sloth_id: x"), 3, ["label sloth_id", "Remove it"]),
    "two indicators": (
        ("      events:", "      raw: {error_ratio_query: 'x[{{.window}}]'}\n      events:"),
        11,
        ["`sli`: write either `events` or `raw`"],
    ),
    "an indicator of no form": ((EVENTS, "    sli: {}\n"), 11, ["either `events` or `raw`"]),
    "a misspelled field of the events": (
        ("error_query", "eror_query"),
        13,
        ["`sli.events.eror_query`", "Did you mean `error_query`?"],
    ),
    "a plugin for the indicator": (
        (EVENTS, "    sli:\n      plugin: {id: availability}\n"),
        12,
        ["`sli.plugin` is not supported", "Write queries into"],
    ),
    "a plugin for the rules": (
        ("    sli:", "    plugins: {chain: []}\n    sli:"),
        11,
        ["`plugins` is not supported", "Write queries into"],
    ),
    "plugins for all rules": (
        ("slos:", "slo_plugins: {chain: []}\nslos:"),
        5,
        ["`slo_plugins` is not supported", "Write queries into"],
    ),
    "Sloth's form for Kubernetes": (
        ("version: prometheus/v1", "apiVersion: sloth.slok.dev/v1\nkind: PrometheusServiceLevel"),
        1,
        ["`apiVersion`", "Write Sloth's `prometheus/v1`"],
    ),
    "a severity without a route": (
        ("severity: critical", "severity: sev1"),
        19,
        ["no route matches the severity `sev1`", "vaultmesh:settings.rules.severities"],
    ),
    "alerts without a name": (("      name: Bread\n", ""), 15, ["`alerting`", "`name` is missing"]),
    "an alert's name that begins with a digit": (
        ("name: Bread", "name: 5xx loaves"),
        16,
        ["`5xx loaves`", "Begin with a letter"],
    ),
    "a label's name in front of which Prometheus puts its own": (
        ("team: kitchen", "__team: kitchen"),
        3,
        ["`__team`", "does not begin with __"],
    ),
    "a label without a value": (("team: kitchen", "team:"), 4, ["Put it in quotes"]),
    "errors that nothing counts before the first one": (
        ("burnt_total[{{.window}}]", 'loaves_by_state{state="burnt"}[{{.window}}]'),
        13,
        [
            "no value before the first error, because loaves_by_state has no series until then",
            "Write total minus good, or (sum by (job) (rate(loaves_by_state{",
            f"or 0 * ({TOTAL})",
        ],
    ),
    "two kinds of errors, each of which may be missing": (
        (
            f"error_query: {ERRORS}",
            "error_query: sum by (job) (rate(loaves_by_state{state='burnt'}[{{.window}}]))"
            " + sum by (job) (rate(loaves_by_state{state='raw'}[{{.window}}]))",
        ),
        13,
        ["no value before the first error"],
    ),
    "a template that does not parse": (
        ("page_alert:", "page_alert:\n        annotations: {note: '{{ $value }'}"),
        18,
        ["note of BreadBudgetBurnFast", "unbalanced braces"],
    ),
    "a query without a window": (
        (f"total_query: {TOTAL}", "total_query: sum by (job) (rate(loaves_total[5m]))"),
        14,
        ["`sli.events.total_query`", "has no {{.window}}"],
    ),
    "a query with another, fixed range": (
        (ERRORS, f"{ERRORS} + sum by (job) (rate(burnt_total[5m]))"),
        13,
        ["`error_query` of oven-bread looks back a fixed time"],
    ),
    "a query with an offset": (
        (ERRORS, ERRORS.replace("}}]", "}}] offset 1h")),
        13,
        ["looks back a fixed time"],
    ),
    "PromQL that does not parse": ((ERRORS, ERRORS[:-1]), 13, ["`error_query`", "does not parse"]),
    "a comment that would hide the rest": (
        (f"error_query: {ERRORS}", f"error_query: '{ERRORS} # burnt'"),
        13,
        ["does not parse"],
    ),
    "queries that can't be divided": (
        (TOTAL, "(sum by (job) (loaves_total))[{{.window}}:]"),
        12,
        ["the ratio of the two queries", "does not parse"],
    ),
    "a metric that nobody exports": (
        ("burnt_total", "burned_total"),
        13,
        ["`error_query` of oven-bread", "Did you mean `burnt_total`?"],
    ),
    "a label that the metric does not have": (
        ("loaves_total[", "loaves_total{kind='rye'}["),
        14,
        ["`total_query` of oven-bread", "no label kind"],
    ),
    "a query that keeps the label pod": (
        (TOTAL, TOTAL.replace("(job)", "(job, pod)")),
        14,
        ["keeps pod", "sum by (namespace, job)"],
    ),
    "queries that keep different labels": (
        (TOTAL, TOTAL.replace("by (job) ", "")),
        12,
        ["different labels (job and none)"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_objective_is_refused_for(case: str, tmp_path: Path) -> None:
    (old, new), line, words = BROKEN[case]
    broken = SPEC.replace(old, new, 1)
    assert broken != SPEC
    (problem,) = refusals(write_slo(tmp_path, broken))
    assert problem.startswith(f"{SLO_FILE}:{line}: ")
    assert all(word in problem for word in words), problem


def test_the_valid_objective_that_these_cases_break_is_accepted(tmp_path: Path) -> None:
    assert [slo.id for slo in load(write_slo(tmp_path, SPEC)).slos] == ["oven-bread"]


def test_an_alert_without_a_runbook_is_refused(tmp_path: Path) -> None:
    page = "docs/runbooks/BreadSliAbsent.md"
    (problem,) = refusals(write_slo(tmp_path, SPEC, {page: None}))
    assert problem == f"{SLO_FILE}:20: BreadSliAbsent has no runbook. Write {page}."


def test_two_objectives_may_not_share_an_id(tmp_path: Path) -> None:
    """The services and names differ here, but the ids that they form are equal."""
    other = SPEC.replace("service: oven", "service: oven-rye").replace("name: Bread", "name: Rye")
    same = {"rules/slos/rye.yaml": other.replace("name: bread", "name: bread")}
    first = SPEC.replace("name: bread", "name: rye-bread")
    (problem,) = refusals(write_slo(tmp_path, first, same))
    assert problem.startswith("rules/slos/rye.yaml:6: the objective oven-rye-bread is already at ")
    assert f"{SLO_FILE}:6" in problem


def test_two_objectives_may_not_share_their_alerts(tmp_path: Path) -> None:
    other = {"rules/slos/rye.yaml": SPEC.replace("name: bread", "name: rye")}
    found = refusals(write_slo(tmp_path, SPEC, other))
    assert len(found) == 3
    assert all("is already at rules/slos/bread.yaml:" in problem for problem in found)


@pytest.mark.parametrize("file", ["rules/slos/bread.yml", "rules/slos/deep/bread.yaml"])
def test_an_objective_outside_its_folder_is_refused(file: str, tmp_path: Path) -> None:
    (problem,) = refusals(write_slo(tmp_path, SPEC, {SLO_FILE: None, file: SPEC}))
    assert problem.startswith(f"{file}: is never loaded")


def test_an_objective_among_the_alerts_is_refused(tmp_path: Path) -> None:
    problems = refusals(write_slo(tmp_path, SPEC, {ALERT_FILE: SPEC}))
    assert f"{ALERT_FILE}:1: `version` is an unknown field. Use one of: groups." in problems


bounded = settings(max_examples=100, derandomize=True, database=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@bounded
@given(seed=st.integers(0, 2**32))
def test_a_valid_objective_with_pieces_moved_ends_in_a_rulebook_or_a_refusal(
    seed: int, folder: Path
) -> None:
    chance = random.Random(seed)
    pieces = re.split(r"(\W)", SPEC)
    for _ in range(chance.randint(1, 4)):
        here, there = chance.randrange(len(pieces)), chance.randrange(len(pieces))
        pieces[here] = chance.choice(["", pieces[there], pieces[here] * 2])
    write_slo(folder, "")
    load_and_check(folder, {SLO_FILE: "".join(pieces)})


@bounded
@given(data=DATA, field=st.sampled_from(["objective", "name", "labels", "sli", "alerting"]))
def test_any_value_in_a_valid_objective_ends_in_a_rulebook_or_a_refusal(
    data: object, field: str, folder: Path
) -> None:
    document = yaml.safe_load(SPEC)
    document["slos"][0][field] = data
    write_slo(folder, "")
    load_and_check(folder, {SLO_FILE: yaml.safe_dump(document)})
