"""The real Alertmanager accepts the rendered routes, and no alert is lost on them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.test_promtool import ALERTS
from tests.support.recording import STACKS, stack_values
from tests.support.rules.promtool import run
from tests.support.rules.routes import amtool_receivers, receivers

HUMAN = {"all-channels", "critical", "warning-business-hours"}
LIMITED = ["warning-business-hours"] * 3
"""One route within the hours, one for the nights, one for the weekends."""
PEOPLE = {
    "warning": ["webhook", *LIMITED],
    "critical": ["webhook", "critical"],
    "all": ["all-channels"],
    "heartbeat": ["heartbeat"],
    "outside": ["heartbeat-outside"],
}
PROGRAMS = {
    "warning": ["warning"],
    "critical": ["critical"],
    "all": ["critical"],
    "heartbeat": ["heartbeat"],
    "outside": ["heartbeat"],
}
"""What an alert is like -> its receivers, in stacks that notify people and in those that don't."""
ROWS: list[tuple[str, dict[str, str], str]] = [
    ("a warning", {"alertname": "A", "severity": "warning"}, "warning"),
    ("a critical alert", {"alertname": "A", "severity": "critical"}, "critical"),
    ("the heartbeat", {"alertname": "Watchdog", "severity": "none"}, "heartbeat"),
    (
        "an alert about lost notifications",
        {"alertname": "A", "severity": "critical", "channels": "all"},
        "all",
    ),
    (
        "the heartbeat for the outside",
        {"alertname": "Watchdog", "severity": "none", "heartbeat": "outside"},
        "outside",
    ),
    ("nothing at all", {}, "critical"),
    ("a name alone", {"alertname": "A"}, "critical"),
    ("a severity in other letters", {"alertname": "A", "severity": "Warning"}, "critical"),
    ("a severity that nobody knows", {"alertname": "A", "severity": "info"}, "critical"),
    ("a severity with more behind it", {"alertname": "A", "severity": "warnings"}, "critical"),
    ("another alert of no severity", {"alertname": "A", "severity": "none"}, "critical"),
    ("no severity's own word", {"severity": "none"}, "critical"),
    (
        "a heartbeat that is critical",
        {"alertname": "Watchdog", "severity": "critical"},
        "critical",
    ),
    (
        "a heartbeat that is a warning",
        {"alertname": "Watchdog", "severity": "warning"},
        "warning",
    ),
    ("a heartbeat without severity", {"alertname": "Watchdog"}, "critical"),
    ("almost a heartbeat", {"alertname": "WatchdogLost", "severity": "none"}, "critical"),
    (
        "an alert of a pod",
        {"alertname": "A", "severity": "warning", "job": "psi-field", "pod": "p"},
        "warning",
    ),
    (
        "an alert of another environment",
        {"alertname": "A", "severity": "critical", "environment": "elsewhere"},
        "critical",
    ),
    (
        "an idle treaty",
        {"alertname": "TreatyNoRequests", "severity": "warning", "treaty": "T"},
        "warning",
    ),
    ("an idle treaty without severity", {"alertname": "TreatyNoRequests"}, "critical"),
]


def document(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "alertmanager.yml").read_text())


def expected_receivers(folder: Path, like: str) -> list[str]:
    names = {receiver["name"] for receiver in document(folder)["receivers"]}
    return (PEOPLE if names >= HUMAN else PROGRAMS)[like]


def rules(folder: Path) -> dict[str, dict[str, str]]:
    """Alert -> the labels of its rule, including alertname."""
    return {
        rule["alert"]: {"alertname": rule["alert"], **rule["labels"]}
        for file in folder.glob("*_rules.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def test_alertmanager_accepts_its_configuration(amtool: str, stack_folder: Path) -> None:
    passed, output = run(amtool, stack_folder, "check-config", "alertmanager.yml")
    assert passed, output
    assert "SUCCESS" in output
    assert f"{len(document(stack_folder)['receivers'])} receivers" in output
    assert "1 templates" in output


def test_every_alert_reaches_the_receiver_of_its_severity(amtool: str, stack_folder: Path) -> None:
    found = rules(stack_folder)
    assert set(ALERTS) <= found.keys()
    for alert, labels in found.items():
        like = labels.get("channels", labels["severity"])
        expected = expected_receivers(stack_folder, "heartbeat" if alert == "Watchdog" else like)
        assert amtool_receivers(amtool, stack_folder, labels) == expected, alert


@pytest.mark.parametrize("what", [what for what, _, _ in ROWS])
def test_the_receivers_of(what: str, amtool: str, stack_folder: Path) -> None:
    ((labels, like),) = [row[1:] for row in ROWS if row[0] == what]
    expected = expected_receivers(stack_folder, like)
    assert amtool_receivers(amtool, stack_folder, labels) == expected
    assert receivers(document(stack_folder)["route"], labels) == expected


@pytest.mark.parametrize("stack", STACKS)
def test_a_receiver_uses_the_channel_in_the_settings(
    stack: str, config_maps: Mapping[str, Any]
) -> None:
    settings = stack_values(stack)["vaultmesh:settings"]
    found = yaml.safe_load(config_maps[stack]["alertmanager"]["alertmanager.yml"])["receivers"]
    configs = {r["name"]: {key for key in r if key.endswith("_configs")} for r in found}
    hook = {"webhook_configs"}
    assert configs.pop("heartbeat") == hook
    if settings["alertmanager"]["routes"] == {"critical": "webhook", "warning": "webhook"}:
        assert configs == {"critical": hook, "warning": hook}
        return
    switched_on = settings.get("aws", {}).get("deadMansSwitch")
    assert configs == {
        "webhook": hook,
        "heartbeat-outside": {"webhook_configs", *(["sns_configs"] if switched_on else [])},
        "all-channels": {"pagerduty_configs", "slack_configs", "webhook_configs"},
        "critical": {"pagerduty_configs", "slack_configs"},
        "warning-business-hours": {"slack_configs"},
    }


ANY_VALUE = st.text(st.characters(codec="ascii", exclude_characters='"\\', categories=["L", "N"]))
LABELS = st.dictionaries(
    st.sampled_from(
        ["alertname", "severity", "namespace", "job", "pod", "treaty", "workload", "channels"]
    ),
    st.sampled_from(["warning", "critical", "none", "all", "Watchdog", "TreatyNoRequests", *ALERTS])
    | ANY_VALUE,
)


@pytest.fixture(scope="module")
def folders(
    config_maps: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    """A folder with Alertmanager's files of each stack."""
    made = {stack: tmp_path_factory.mktemp(stack) for stack in STACKS}
    for stack, folder in made.items():
        for name, text in config_maps[stack]["alertmanager"].items():
            (folder / name).write_text(text)
    return made


@pytest.mark.parametrize("stack", STACKS)
@settings(max_examples=300)
@given(labels=LABELS)
def test_every_label_set_reaches_a_receiver_and_all_but_the_heartbeat_reach_a_person(
    labels: dict[str, str], stack: str, folders: Mapping[str, Path]
) -> None:
    found = document_of(folders[stack])
    reached = receivers(found["route"], labels)
    tells = {r["name"]: any(r[key] for key in r if key != "name") for r in found["receivers"]}
    assert reached and all(tells[name] for name in reached)
    is_heartbeat = (labels.get("alertname"), labels.get("severity")) == ("Watchdog", "none")
    # Only in stacks that notify people; in others "critical" is harbinger.
    reaches_people = tells.keys() >= HUMAN and bool(HUMAN & {*reached})
    assert reaches_people == (tells.keys() >= HUMAN and not is_heartbeat)


_DOCUMENTS: dict[Path, dict[str, Any]] = {}


def document_of(folder: Path) -> dict[str, Any]:
    """The configuration, cached because property tests read it many times."""
    return _DOCUMENTS.setdefault(folder, document(folder))


@pytest.mark.parametrize("stack", STACKS)
@settings(max_examples=15)
@given(labels=LABELS)
def test_the_routing_model_of_these_tests_agrees_with_alertmanager(
    labels: dict[str, str], stack: str, amtool: str, folders: Mapping[str, Path]
) -> None:
    folder = folders[stack]
    assert receivers(document_of(folder)["route"], labels) == amtool_receivers(
        amtool, folder, labels
    )
