"""A stack whose retention is shorter than its rules look back is refused."""

import pytest

from problems import Problems
from stacks.content import check_retention
from tests.support.recording import STACKS, configured, run_values, stack_values
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


def test_a_stack_of_weekly_objectives_needs_the_retention_of_a_week() -> None:
    values = configured("local")
    settings = values["vaultmesh:settings"]
    settings["prometheus"] = {**settings["prometheus"], "retention": "7d"}
    settings["rules"] = {**settings.get("rules", {}), "sloPeriod": "7d"}
    recorded = {rule["record"] for rule in run_values(values).rules() if "record" in rule}
    assert "slo:sli_error:ratio_rate7d" in recorded
    assert "slo:sli_error:ratio_rate30d" not in recorded
