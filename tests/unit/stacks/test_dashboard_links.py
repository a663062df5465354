"""An alert links the first dashboard with a panel that names it, at Grafana's address."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.catalog import Dashboard
from problems import Problems, Refused
from stacks.content import dashboard_urls
from stacks.files import check_alerts
from tests.support.boards import BOARDS
from tests.support.recording import Recording, run_values, stack_values
from tests.support.refusals import read_configuration
from tests.support.rules.rule_project import load, write
from tests.support.series import alerts, rule_files, rulebook


def board(uid: str, *names: str) -> Dashboard:
    """A dashboard with a panel for each alert."""
    return Dashboard(
        uid=uid,
        title=uid,
        source=f"{uid}.py",
        filename=uid,
        json="{}",
        queries=(),
        alerts=frozenset(names),
    )


PUBLIC = {
    "exposure": "load-balancer",
    "domain": "grafana.example.com",
    "certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/ID",
    "sourceRanges": ["203.0.113.0/24"],
    "subnetRanges": ["10.1.0.0/16"],
}


def public_values() -> dict[str, Any]:
    """Staging with a Grafana that everybody can open."""
    values = stack_values("staging")
    values["vaultmesh:settings"]["grafana"] = PUBLIC
    return values


def links(platform: Recording) -> dict[str, str]:
    """Alert -> the `dashboard_url` in Prometheus' rule files."""
    return {
        rule["alert"]: rule["annotations"]["dashboard_url"]
        for rule in platform.alerts()
        if "dashboard_url" in rule["annotations"]
    }


def test_every_alert_links_a_dashboard_that_has_a_panel_for_it() -> None:
    boards = {found.uid: found for found in BOARDS.values()}
    found = links(run_values(public_values()))
    assert found.keys() >= alerts().keys()
    for alert, url in found.items():
        assert alert in boards[url.removeprefix("https://grafana.example.com/d/")].alerts


def test_without_a_public_grafana_no_alert_links_the_reader_s_own_machine(platform: Any) -> None:
    assert links(platform) == {}
    assert "localhost" not in str(platform.alerts())


def test_an_alert_links_the_first_dashboard_with_a_panel_for_it() -> None:
    everything = board("second", *(alert.name for alert in rulebook().alerts))
    first = board("first", "TreatyDown")
    urls = dashboard_urls(read_configuration(public_values()).settings, [first, everything])
    assert urls["TreatyDown"].endswith("/d/first")
    assert {url.rpartition("/")[2] for url in urls.values()} == {"first", "second"}


def test_rules_without_the_alerts_that_routes_name_are_refused(tmp_path: Path) -> None:
    problems = Problems()
    check_alerts(load(write(tmp_path, {})), problems)
    with pytest.raises(Refused) as refused:
        problems.refuse_if_any()
    assert [line.split(",")[0] for line in refused.value.problems] == [
        "rules: there is no alert AlertmanagerNotificationsFailing",
        "rules: there is no alert TreatyNoRequests",
        "rules: there is no alert Watchdog",
    ]


def test_only_the_annotation_dashboard_url_is_added() -> None:
    urls = {alert.name: f"http://x/{alert.name}" for alert in rulebook().alerts}
    linked = rulebook().files(urls)
    assert linked.keys() == rule_files().keys()
    for name, text in rule_files().items():
        rules = yaml.safe_load(linked[name])
        for group in rules["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    assert rule["annotations"].pop("dashboard_url") == f"http://x/{rule['alert']}"
        assert rules == yaml.safe_load(text)
        assert linked[name].count("\n") - text.count("\n") == sum(
            "alert" in rule for group in rules["groups"] for rule in group["rules"]
        )
