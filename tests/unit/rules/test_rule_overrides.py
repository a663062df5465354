"""Overrides of alerts in a stack's settings: what they change, and which are refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rules.rule_project import ALERT_FILE, ALERTS, RECORD_FILE, load, refusals, write

PLACE = "vaultmesh:settings.rules.overrides"
RANGE = (
    ALERTS.replace("oven_heat > 5", "oven_heat < 5 or oven_heat > 50")
    .replace("above 5", "outside 5 to 50")
    .replace('threshold: "5"', 'threshold_low: "5"\n          threshold_high: "50"')
)


def rule(root: Path, overrides: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The only alert, as Prometheus loads it."""
    text = load(root, overrides).files({})["alerting_rules.yml"]
    return yaml.safe_load(text)["groups"][0]["rules"][0]


def test_a_duration_is_replaced(tmp_path: Path) -> None:
    assert rule(write(tmp_path, {}), {"Hot": {"for": "30m"}})["for"] == "30m"


@pytest.mark.parametrize(
    ("number", "text"), [(7, "7"), (7.5, "7.5"), (7.0, "7"), (-2, "-2"), (1e-7, "1e-07")]
)
def test_a_threshold_is_replaced_wherever_it_is_stated(
    number: float, text: str, tmp_path: Path
) -> None:
    changed = rule(write(tmp_path, {}), {"Hot": {"threshold": number}})
    assert changed["expr"] == f"oven_heat > {text}"
    assert changed["annotations"]["threshold"] == text
    assert changed["annotations"]["description"].endswith(f"above {text}.")


def test_fields_without_an_override_stay_as_the_file_has_them(tmp_path: Path) -> None:
    root = write(tmp_path, {})
    changed, plain = rule(root, {"Hot": {"threshold": 7}}), rule(root, {})
    assert plain["expr"] == "oven_heat > 5"
    assert changed["for"] == plain["for"] == "5m"
    assert changed["labels"] == plain["labels"]


def test_two_thresholds_of_an_alert_are_replaced_at_once(tmp_path: Path) -> None:
    root = write(tmp_path, {ALERT_FILE: RANGE})
    changed = rule(root, {"Hot": {"threshold_low": 50, "threshold_high": 500}})
    assert changed["expr"] == "oven_heat < 50 or oven_heat > 500"
    assert changed["annotations"]["description"].endswith("outside 50 to 500.")


def test_the_rulebook_holds_the_overridden_threshold(tmp_path: Path) -> None:
    (alert,) = load(write(tmp_path, {}), {"Hot": {"threshold": 7, "for": "1h"}}).alerts
    assert (alert.thresholds, alert.fields.for_) == ({"threshold": 7.0}, "1h")


@pytest.mark.parametrize(
    ("overrides", "place", "words"),
    [
        ({"Hott": {"for": "1m"}}, "Hott", ["no such alert", "Did you mean `Hot`?"]),
        ({"TreatyDown": {"for": "1m"}}, "TreatyDown", ["no such alert", "There are: Hot"]),
        ({"Hot": {"form": "1m"}}, "Hot", ["no `form`", "for, threshold"]),
        ({"Hot": {"threshold_low": 1}}, "Hot", ["no `threshold_low`"]),
        ({"Hot": {"severity": "critical"}}, "Hot", ["no `severity`"]),
        ({"Hot": {"for": "soon"}}, "Hot", ["`soon` is not a duration"]),
        ({"Hot": {"for": 30}}, "Hot", ["duration in quotes", "30"]),
        ({"Hot": {"for": None}}, "Hot", ["duration in quotes"]),
        ({"Hot": {"threshold": "7"}}, "Hot", ["must be a number", "'7'"]),
        ({"Hot": {"threshold": True}}, "Hot", ["must be a number"]),
        ({"Hot": {"threshold": float("nan")}}, "Hot", ["must be a number"]),
        ({"Hot": {"threshold": float("inf")}}, "Hot", ["must be a number"]),
        ({"Hot": {"threshold": 10**400}}, "Hot", ["must be a number"]),
        ({"Hot": {}}, "Hot", ["must be a mapping"]),
        ({"Hot": "30m"}, "Hot", ["must be a mapping"]),
    ],
)
def test_an_override_is_refused_with_its_settings_key(
    overrides: dict[str, Any], place: str, words: list[str], tmp_path: Path
) -> None:
    (problem,) = refusals(write(tmp_path, {}), overrides)
    assert problem.startswith(f"{PLACE}.{place}: ")
    assert all(word in problem for word in words), problem


def test_a_threshold_is_refused_for_an_alert_without_one(tmp_path: Path) -> None:
    files = {ALERT_FILE: ALERTS.replace('          threshold: "5"\n', "")}
    (problem,) = refusals(write(tmp_path, files), {"Hot": {"threshold": 7}})
    assert problem == f"{PLACE}.Hot: Hot has no `threshold` to override. It has: for."


def test_two_thresholds_of_equal_value_are_refused(tmp_path: Path) -> None:
    root = write(tmp_path, {ALERT_FILE: RANGE})
    (problem,) = refusals(root, {"Hot": {"threshold_low": 50}})
    assert problem.startswith(f"{PLACE}.Hot: ")
    assert "exactly one comparison" in problem


def test_an_override_of_an_alert_in_a_broken_file_is_not_refused(tmp_path: Path) -> None:
    root = write(tmp_path, {ALERT_FILE: ALERTS.replace("for: 5m", "for: soon")})
    (problem,) = refusals(root, {"Hot": {"for": "30m"}})
    assert problem.startswith(f"{ALERT_FILE}:7: ")


def test_an_override_of_an_invalid_threshold_is_reported_once(tmp_path: Path) -> None:
    root = write(tmp_path, {ALERT_FILE: ALERTS.replace("above 5", "above 6")})
    (problem,) = refusals(root, {"Hot": {"threshold": 7}})
    assert problem.startswith(f"{ALERT_FILE}:10: ")


def test_overrides_and_files_are_refused_together(tmp_path: Path) -> None:
    root = write(tmp_path, {RECORD_FILE: "groups: []\n"})
    places = [p.split(": ")[0] for p in refusals(root, {"Hot": {"for": "soon"}})]
    assert places == [f"{RECORD_FILE}:1", f"{PLACE}.Hot"]
