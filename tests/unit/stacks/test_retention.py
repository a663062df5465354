"""A stack whose retention is shorter than its rules look back is refused."""

from pathlib import Path

import pytest

from problems import Problems
from stacks.content import check_retention
from tests.support.recording import STACKS, configured, run_values, stack_values
from tests.support.rules.rule_project import ALERT_FILE, ALERTS, load, write
from tests.support.series import rulebook

KEY = "vaultmesh:settings.prometheus.retention"


def problems(retention: str) -> list[str]:
    found = Problems()
    check_retention(retention, rulebook(), found)
    return list(found.lines())


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_keeps_samples_as_long_as_its_rules_look_back(stack: str) -> None:
    assert problems(stack_values(stack)["vaultmesh:settings"]["prometheus"]["retention"]) == []


@pytest.mark.parametrize("retention", ["30d", "720h", "4w3d", "1y"])
def test_retention_of_exactly_that_length_is_enough(retention: str) -> None:
    assert problems(retention) == []


@pytest.mark.parametrize("retention", ["2d", "15d", "4w1d", "719h59m"])
def test_shorter_retention_is_refused_with_the_rule_and_the_shortest_allowed(
    retention: str,
) -> None:
    (problem,) = problems(retention)
    assert problem.startswith(f"{KEY}: {retention} is less than the 30d that slo:")
    assert problem.endswith("looks back. Write 30d or more.")


PATHS = {
    "max_over_time(max_over_time(oven_heat[1d] offset 2d)[3d:1h] offset 4d)": "10d",
    "oven_heat offset 40d": "40d",
    "max_over_time(oven_heat[50d] offset -10d)": "40d",
    "max_over_time(oven_heat[1d] @ end())": "1d",
}


@pytest.mark.parametrize("expr", PATHS)
def test_ranges_and_offsets_on_the_way_to_a_series_add_up(expr: str, tmp_path: Path) -> None:
    alerts = ALERTS.replace("expr: oven_heat", f"expr: {expr}")
    found = Problems()
    check_retention("1h", load(write(tmp_path, {ALERT_FILE: alerts})), found)
    (problem,) = found.lines()
    assert problem.endswith(f"the {PATHS[expr]} that Hot looks back. Write {PATHS[expr]} or more.")


def test_a_stack_of_weekly_objectives_needs_the_retention_of_a_week() -> None:
    values = configured("local")
    settings = values["vaultmesh:settings"]
    settings["prometheus"] = {**settings["prometheus"], "retention": "7d"}
    settings["rules"] = {**settings.get("rules", {}), "sloPeriod": "7d"}
    recorded = {rule["record"] for rule in run_values(values).rules() if "record" in rule}
    assert "slo:sli_error:ratio_rate7d" in recorded
    assert "slo:sli_error:ratio_rate30d" not in recorded
