"""Who hears of an alert and when: routes, hours, idle windows and inhibitions."""

from typing import Any

import pytest

from components.alertmanager import RETENTION
from rules.rule import WATCHDOG, WATCHDOG_SEVERITY
from stacks.files import PAGE_LOST
from tests.support.alertmanager_yml import BEAT, OUTSIDE, program, receivers, routes
from tests.support.rules.routes import receivers as by_routes

WITH_HOURS = ["staging", "production"]


def reached(platform: Any, **labels: str) -> list[str]:
    """The receivers of an alert, without duplicates."""
    return list(dict.fromkeys(by_routes(platform.config("alertmanager")["route"], labels)))


def test_every_severity_in_the_rules_is_routed_to_a_receiver_that_delivers(platform: Any) -> None:
    for severity in {alert["labels"]["severity"] for alert in platform.alerts()} - {"none"}:
        for name in reached(platform, severity=severity):
            delivers = [key for key in receivers(platform)[name] if key.endswith("_configs")]
            assert delivers, f"{severity} goes nowhere"


def test_an_alert_without_a_matching_route_pages_at_any_time(recordings: dict[str, Any]) -> None:
    for stack in WITH_HOURS:
        assert reached(recordings[stack], severity="Critical") == ["webhook", "critical"]
        (*_, last) = recordings[stack].config("alertmanager")["route"]["routes"]
        assert last == {"receiver": "critical"}


def test_nothing_is_grouped_by_pod(platform: Any) -> None:
    root = platform.config("alertmanager")["route"]
    assert root["group_by"] == ["alertname", "namespace", "job", "workload"]
    assert "group_by" not in str(root["routes"])


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_critical_goes_to_pagerduty_and_warning_to_slack(
    recordings: dict[str, Any], stack: str
) -> None:
    found = receivers(recordings[stack])
    assert "pagerduty_configs" in found["critical"]
    assert "slack_configs" in found["warning-business-hours"]


def test_a_severity_may_have_several_channels() -> None:
    critical = ["pagerduty", {"channel": "slack", "during": "business-hours"}]
    platform = program("staging", routes={"critical": critical, "warning": ["slack", "webhook"]})
    assert reached(platform, severity="critical") == [
        "webhook",
        "critical",
        "critical-business-hours",
    ]
    assert reached(platform, severity="warning") == ["webhook", "warning"]
    assert {*receivers(platform)["critical"]} == {"name", "pagerduty_configs"}
    assert {*receivers(platform)["critical-business-hours"]} == {"name", "slack_configs"}
    both = program("staging", routes={"critical": ["pagerduty", "slack"], "warning": "slack"})
    assert {*receivers(both)["critical"]} == {"name", "pagerduty_configs", "slack_configs"}


def test_an_alert_about_lost_notifications_goes_through_every_channel_at_any_time(
    recordings: dict[str, Any],
) -> None:
    for stack in WITH_HOURS:
        lost = [alert for alert in recordings[stack].alerts() if "channels" in alert["labels"]]
        assert {alert["alert"] for alert in lost} >= {PAGE_LOST, "PrometheusNotificationsDropped"}
        for alert in lost:
            assert reached(recordings[stack], **alert["labels"]) == ["all-channels"]
        (route,) = routes(recordings[stack])["all-channels"]
        assert not [key for key in route if key.endswith("time_intervals")]
        assert {*receivers(recordings[stack])["all-channels"]} == {
            "name",
            "pagerduty_configs",
            "slack_configs",
            "webhook_configs",
        }


def test_every_notification_reaches_harbinger_as_well(platform: Any) -> None:
    (service,) = [
        found for found in platform.all("Service") if found["metadata"]["name"] == "harbinger"
    ]
    address = f"http://harbinger.{service['metadata']['namespace']}.svc:{service['spec']['ports'][0]['port']:.0f}"
    for severity in ("warning", "critical", "unknown"):
        hears = [
            name
            for name in reached(platform, severity=severity)
            if receivers(platform)[name].get("webhook_configs")
        ]
        assert len(hears) == 1, "once each"
        (webhook,) = receivers(platform)[hears[0]]["webhook_configs"]
        assert webhook["url"].startswith(address + "/")
    for route in routes(platform).get("webhook", []):
        assert not [key for key in route if key.endswith("time_intervals")], "at any time"


def test_only_the_heartbeat_matches_the_heartbeats_routes(platform: Any) -> None:
    heartbeat = [f'alertname="{WATCHDOG}"', f'severity="{WATCHDOG_SEVERITY}"']
    (inside,) = routes(platform)[BEAT]
    assert inside["matchers"] == heartbeat
    for outside in routes(platform).get(OUTSIDE, []):
        assert outside["matchers"] == [*heartbeat, 'heartbeat="outside"']
        assert {"name", "webhook_configs", "sns_configs"} >= set(receivers(platform)[OUTSIDE])


@pytest.mark.parametrize(
    ("critical", "paging"),
    [
        ("pagerduty", "pagerduty"),
        (["slack", "pagerduty"], "pagerduty"),
        ("slack", "slack"),
        ("webhook", None),
    ],
)
def test_the_heartbeat_outside_is_muted_while_the_channel_that_pages_fails(
    critical: Any, paging: str | None
) -> None:
    platform = program("staging", routes={"critical": critical, "warning": "slack"})
    target = [f'alertname="{WATCHDOG}"', f'severity="{WATCHDOG_SEVERITY}"', 'heartbeat="outside"']
    found = [
        rule
        for rule in platform.config("alertmanager")["inhibit_rules"]
        if rule["target_matchers"] == target
    ]
    source = [f'alertname="{PAGE_LOST}"', f'integration=~"{paging}"']
    assert [rule["source_matchers"] for rule in found] == ([source] if paging else [])


@pytest.mark.parametrize("stack", WITH_HOURS)
def test_a_route_with_hours_is_followed_by_routes_that_tell_the_end_after_them(
    stack: str, recordings: dict[str, Any]
) -> None:
    within, night, weekend = routes(recordings[stack])["warning-business-hours"]
    assert within["active_time_intervals"] == ["business-hours"]
    repeats = [minutes(one["repeat_interval"]) for one in (within, night, weekend)]
    assert repeats == [64 * 60, 128 * 60, 128 * 60]
    assert (minutes(night["group_wait"]), minutes(weekend["group_wait"])) == (15 * 60, 63 * 60)
    assert night["mute_time_intervals"] == ["business-hours-closed-for-3720m"]
    assert "mute_time_intervals" not in weekend
    # What Alertmanager's log of notifications knows them by.
    assert within["matchers"] == night["matchers"] == weekend["matchers"]
    server = recordings[stack].server("alertmanager")
    assert f"--data.retention={RETENTION}" in server["args"]
    known = [
        interval["name"] for interval in recordings[stack].config("alertmanager")["time_intervals"]
    ]
    assert known == ["business-hours", "business-hours-closed-for-3720m"]


def test_the_log_of_notifications_outlasts_the_longest_closed_span() -> None:
    rare = {"timeZone": "UTC", "weekdays": ["monday"], "from": "08:00", "to": "08:01"}
    route = {"channel": "slack", "during": "rare"}
    platform = program(
        "staging", hours={"rare": rare}, routes={"critical": "pagerduty", "warning": route}
    )
    within, after = routes(platform)["warning-rare"]
    repeat = minutes(within["repeat_interval"])
    kept = 2 * repeat
    assert repeat + minutes(after["group_wait"]) < kept <= minutes(after["repeat_interval"])
    assert minutes(after["repeat_interval"]) <= 60 * int(RETENTION.removesuffix("h"))


def minutes(duration: str) -> int:
    return int(duration.removesuffix("m"))


def test_idle_windows_mute_one_alert_in_a_child_route_of_its_severity() -> None:
    shift = {"timeZone": "Europe/Dublin", "from": "08:00", "to": "18:00"}
    windows = [
        {"name": "nights", "timeZone": "Europe/Berlin", "from": "22:00", "to": "06:00"},
        {"name": "sundays", **shift, "weekdays": ["sunday"]},
    ]
    platform = program("staging", idleWindows=windows)
    children = [
        child for route in routes(platform)["warning-business-hours"] for child in route["routes"]
    ]
    idle = {"matchers": ['alertname="TreatyNoRequests"']}
    muted = ["nights", "sundays"]
    assert children == [
        {**idle, "active_time_intervals": ["business-hours"], "mute_time_intervals": muted},
        {**idle, "mute_time_intervals": ["business-hours-closed-for-3720m", *muted]},
        {**idle, "mute_time_intervals": muted},
    ]
    known = {interval["name"] for interval in platform.config("alertmanager")["time_intervals"]}
    assert {"nights", "sundays", "business-hours"} < known


def siblings(platform: Any) -> list[dict[str, Any]]:
    """The inhibitions of one named alert by another."""
    return [
        rule
        for rule in platform.config("alertmanager")["inhibit_rules"]
        if len(rule["source_matchers"]) == 1
    ]


def test_a_warning_is_silent_while_its_critical_sibling_fires(platform: Any) -> None:
    severities = {alert["alert"]: alert["labels"]["severity"] for alert in platform.alerts()}
    assert siblings(platform)
    for rule in siblings(platform):
        (source,), (target,) = rule["source_matchers"], rule["target_matchers"]
        assert severities[source.split('"')[1]] == "critical"
        assert severities[target.split('"')[1]] == "warning"
        assert rule["equal"], "without equal labels one treaty would silence another"


@pytest.mark.parametrize(
    ("alert", "workload"), [("PsiFieldDown", "psi-field"), ("TreatyDown", "aurora-treaty")]
)
def test_the_page_that_a_whole_workload_is_down_mutes_those_about_its_probes_and_objectives(
    alert: str, workload: str, platform: Any
) -> None:
    found = [
        (rule["source_matchers"][1:], rule["target_matchers"])
        for rule in platform.config("alertmanager")["inhibit_rules"]
        if rule["source_matchers"][0] == f'alertname="{alert}"'
    ]
    whole = [f'job="{workload}"', 'pod=""']
    assert found == [
        (whole, [f'workload="{workload}"']),
        (whole, [f'sloth_service="{workload}"']),
    ]


def test_a_treaty_fill_warning_is_inhibited_by_its_critical_sibling(platform: Any) -> None:
    pairs = {(r["source_matchers"][0], r["target_matchers"][0]) for r in siblings(platform)}
    assert ('alertname="TreatyFillRateCritical"', 'alertname="TreatyFillRateLow"') in pairs
