"""The rendered rules behave as their case files say."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.rule import WATCHDOG
from tests.rules.conftest import write
from tests.support.rules.promtool import CASES, check_case, load, rules_behind, run
from tests.support.series import selected_series, slo_rules

RULES = Path(__file__).parents[2] / "rules"
SLO_CASES = ("slo-recordings", "slo-month")
RECORD_CASES = ("recording-rules", "health-score")
NOT_OF_ONE_ALERT = {"reference-scenario", *RECORD_CASES, *SLO_CASES}


def names(pattern: str, kind: str) -> list[str]:
    """The names of all alerts or records in the source files."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob(pattern))]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    return [rule[kind] for rule in rules if kind in rule]


SLO_ALERTS = [rule["alert"] for rule in slo_rules() if "alert" in rule]
SLO_RECORDS = sorted({rule["record"] for rule in slo_rules() if "record" in rule})
ALERTS = [*names("alerts/*.yaml", "alert"), *names("platform/*.yaml", "alert"), *SLO_ALERTS]
CONDITIONAL = [alert for alert in ALERTS if alert != WATCHDOG]
"""Watchdog has no condition, so it has no silent case."""
RECORDS = [*names("recording-rules.yaml", "record"), *names("platform/*.yaml", "record")]


def checks(group: dict[str, Any], alert: str) -> list[dict[str, Any]]:
    """A test group's checks of one alert."""
    return [c for c in group.get("alert_rule_test", []) if c["alertname"] == alert]


def firing(group: dict[str, Any], alert: str) -> bool:
    return any(check.get("exp_alerts") for check in checks(group, alert))


def series(group: dict[str, Any]) -> list[str]:
    return [entry["series"] for entry in group["input_series"]]


@pytest.mark.parametrize("name", CASES)
def test_the_rules_behave_as_in(name: str, promtool: str, folder: Path) -> None:
    passed, output = check_case(promtool, folder, name, load(name))
    assert passed, output


def test_watchdog_fires_whatever_the_series_are() -> None:
    groups = load(WATCHDOG)["tests"]
    assert len({tuple(series(group)) for group in groups}) > 1
    for group in groups:
        assert all(check["exp_alerts"] for check in checks(group, WATCHDOG))


@pytest.mark.parametrize("alert", CONDITIONAL)
def test_an_alert_has_a_firing_and_a_silent_case_of_the_same_series(alert: str) -> None:
    assert alert in CASES, f"{alert} has no case file: write tests/rules/{alert}.yaml"
    groups = [group for group in load(alert)["tests"] if checks(group, alert)]
    firing_series = [series(group) for group in groups if firing(group, alert)]
    silent = [series(group) for group in groups if not firing(group, alert)]
    assert any(s in firing_series for s in silent), (
        f"tests/rules/{alert}.yaml needs a case in which {alert} fires and one in which it stays"
        " silent, with the same series and other values"
    )


@pytest.mark.parametrize("name", sorted(CASES.keys() - NOT_OF_ONE_ALERT))
def test_a_case_file_is_named_after_an_alert(name: str) -> None:
    assert name in ALERTS, f"no alert is called {name}: rename or remove tests/rules/{name}.yaml"


@pytest.mark.parametrize("record", RECORDS)
def test_a_recorded_series_has_a_case(record: str) -> None:
    expressions = {
        check["expr"]
        for file in RECORD_CASES
        for group in load(file)["tests"]
        for check in group.get("promql_expr_test", [])
        if check["exp_samples"]
    }
    assert record in expressions, f"add a case for {record} to tests/rules/recording-rules.yaml"


@pytest.mark.parametrize("record", SLO_RECORDS)
def test_a_series_of_the_objectives_has_a_case(record: str) -> None:
    """One objective's case is enough, because the rules differ only in names and numbers."""
    exprs = [
        check["expr"]
        for file in SLO_CASES
        for group in load(file)["tests"]
        for check in group["promql_expr_test"]
        if check["exp_samples"]
    ]
    patterns = [re.escape(name) for expr in exprs for name in selected_series(expr) if name]
    patterns += [found for expr in exprs for found in re.findall(r'__name__=~"(.+?)"', expr)]
    assert any(re.fullmatch(pattern, record) for pattern in patterns), (
        f"add a case for {record} to tests/rules/slo-recordings.yaml"
    )


def always_true(rule: dict[str, Any]) -> None:
    rule["expr"] = re.sub(r"(?:[=!]=|[<>]=?)\s*-?[\d.]+", ">= -Inf", rule["expr"])


def at_once(rule: dict[str, Any]) -> None:
    rule["for"] = "0s"


@pytest.mark.parametrize("alert", CONDITIONAL)
@pytest.mark.parametrize("mutate", [always_true, at_once])
def test_the_silent_cases_fail_for_a_condition_that_is(
    mutate: Callable[[dict[str, Any]], None],
    alert: str,
    promtool: str,
    rendered: Mapping[str, str],
    tmp_path: Path,
) -> None:
    """A silent case must not be silent only because it has too little data or time."""
    case = load(alert)
    documents = rules_behind(alert, (yaml.safe_load(rendered[file]) for file in case["rule_files"]))
    files = dict(zip(case["rule_files"], documents, strict=True))
    (rule,) = [
        rule
        for document in files.values()
        for group in document["groups"]
        for rule in group["rules"]
        if rule.get("alert") == alert
    ]
    before = dict(rule)
    mutate(rule)
    assert rule != before
    write({file: yaml.safe_dump(document) for file, document in files.items()}, tmp_path)
    for group in case["tests"]:
        group["alert_rule_test"] = [c for c in checks(group, alert) if not c.get("exp_alerts")]
    passed, output = check_case(promtool, tmp_path, alert, case)
    assert not passed, f"add a case in which {alert} is silent only because of its own condition"
    assert f"alertname: {alert}" in output


def test_the_rules_have_no_lint(promtool: str, stack_folder: Path) -> None:
    files = sorted(path.name for path in stack_folder.glob("*_rules.yml"))
    arguments = ["check", "rules", "--lint=all", "--lint-fatal", *files]
    passed, output = run(promtool, stack_folder, *arguments)
    assert passed, output
    groups = [g for f in files for g in yaml.safe_load((stack_folder / f).read_text())["groups"]]
    found = [int(number) for number in re.findall(r"(\d+) rules found", output)]
    assert sum(found) == sum(len(group["rules"]) for group in groups)


def test_the_configuration_has_no_lint(promtool: str, stack_folder: Path) -> None:
    arguments = ["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"]
    passed, output = run(promtool, stack_folder, *arguments)
    assert passed, output
    assert f"{len(list(stack_folder.glob('*_rules.yml')))} rule files found" in output


@pytest.mark.parametrize("source", ["alerts/*.yaml", "platform/*.yaml", "recording-rules.yaml"])
def test_promtool_reads_the_source_files_as_they_are(source: str, promtool: str) -> None:
    files = [str(path) for path in sorted(RULES.glob(source))]
    passed, output = run(promtool, RULES, "check", "rules", "--lint=all", "--lint-fatal", *files)
    assert passed, output
