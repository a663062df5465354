"""The real Alertmanager accepts the rendered routes, and every alert has a receiver."""

from pathlib import Path

import pytest
import yaml

from tests.rules.promtool import run
from tests.rules.test_promtool import ALERTS


def test_alertmanager_accepts_its_configuration(amtool: str, stack_folder: Path) -> None:
    passed, output = run(amtool, stack_folder, "check-config", "alertmanager.yml")
    assert passed, output
    assert "SUCCESS" in output
    assert "2 receivers" in output


def test_every_alert_reaches_the_receiver_of_its_severity(amtool: str, stack_folder: Path) -> None:
    severities = {
        rule["alert"]: rule["labels"]["severity"]
        for file in stack_folder.glob("*_rules.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert severities.keys() == set(ALERTS)
    for alert, severity in severities.items():
        assert receivers(amtool, stack_folder, alert, severity) == [severity]


@pytest.mark.parametrize("severity", [None, "Warning", "info"])
def test_a_severity_that_no_route_knows_still_reaches_somebody(
    amtool: str, stack_folder: Path, severity: str | None
) -> None:
    assert receivers(amtool, stack_folder, "Unheard", severity) == ["critical"]


def receivers(amtool: str, folder: Path, alert: str, severity: str | None) -> list[str]:
    """The receivers of an alert with this severity, as Alertmanager's own code routes it."""
    labels = [f"alertname={alert}", *([f"severity={severity}"] if severity else [])]
    passed, output = run(
        amtool, folder, "config", "routes", "test", "--config.file=alertmanager.yml", *labels
    )
    assert passed, output
    return output.split()
