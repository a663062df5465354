"""Every severity has a receiver, credentials are in files, a critical alert mutes its warning."""

from typing import Any

import pytest

from components.alertmanager import RETENTION
from components.alertmanager_config import TEMPLATES_FILE
from rules.rule import WATCHDOG, WATCHDOG_SEVERITY
from services.harbinger.app import HarbingerSettings
from services.shell import load_settings
from stacks.files import PAGE_LOST
from tests.support.recording import (
    ROOT,
    SECRETS,
    Recording,
    run_values,
    stack_values,
)
from tests.support.rules.routes import receivers as by_routes

BEAT, OUTSIDE = "heartbeat", "heartbeat-outside"
SEVERITIES = ("warning", "critical")
WITH_HOURS = ["staging", "production"]


def files(platform: Any) -> dict[str, str]:
    return platform.one("ConfigMap", "alertmanager")["data"]


def receivers(platform: Any) -> dict[str, dict[str, Any]]:
    return {receiver["name"]: receiver for receiver in platform.config("alertmanager")["receivers"]}


def routes(platform: Any) -> dict[str, list[dict[str, Any]]]:
    """Receiver -> its routes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for route in platform.config("alertmanager")["route"]["routes"]:
        found.setdefault(route["receiver"], []).append(route)
    return found


def reached(platform: Any, **labels: str) -> list[str]:
    """The receivers of an alert, without duplicates."""
    return list(dict.fromkeys(by_routes(platform.config("alertmanager")["route"], labels)))


def settings(stack: str) -> dict[str, Any]:
    return stack_values(stack)["vaultmesh:settings"]["alertmanager"]


def program(stack: str, secrets: dict[str, str] = SECRETS, **alertmanager: Any) -> Recording:
    """The resources of a stack with some of Alertmanager's settings replaced."""
    values = stack_values(stack)
    values["vaultmesh:settings"]["alertmanager"].update(alertmanager)
    return run_values(values, secrets)


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


def test_pagerduty_in_the_eu_has_endpoints_of_its_own() -> None:
    found = program("staging", pagerdutyRegion="eu").config("alertmanager")["global"]
    assert found == {"pagerduty_url": "https://events.eu.pagerduty.com/v2/enqueue"}
    assert "global" not in program("staging").config("alertmanager")


def test_every_message_begins_with_its_environment(recordings: dict[str, Any]) -> None:
    for stack, platform in recordings.items():
        environment = stack_values(stack)["vaultmesh:settings"]["environment"]
        for receiver in receivers(platform).values():
            for slack in receiver.get("slack_configs", []):
                assert slack["title"].startswith(f"[{environment}] ")
            for page in receiver.get("pagerduty_configs", []):
                assert page["description"].startswith(f"[{environment}] ")
        labels = platform.config("prometheus-server")["global"]["external_labels"]
        assert labels["environment"] == environment, "the webhook's payload says it with a label"


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


def test_only_the_heartbeat_sends_no_resolved_notification(platform: Any) -> None:
    for name, receiver in receivers(platform).items():
        for key, entries in receiver.items():
            if key.endswith("_configs"):
                assert {entry["send_resolved"] for entry in entries} == {
                    name not in (BEAT, OUTSIDE)
                }


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


@pytest.mark.parametrize("timeout", ["5m", "1m", "90s", "1h"])
def test_two_lost_heartbeats_do_not_reach_the_timeout(timeout: str) -> None:
    platform = program("staging", heartbeat={"timeout": timeout, "outside": True})
    (route,) = routes(platform)[BEAT]
    interval, repeat = (
        int(route[key].removesuffix("s")) for key in ("group_interval", "repeat_interval")
    )
    (harbinger,) = [template for name, template in platform.pods() if name == "harbinger"]
    variables = {
        entry["name"]: entry["value"]
        for entry in harbinger["spec"]["containers"][0]["env"]
        if "value" in entry
    }
    told = load_settings(
        HarbingerSettings,
        {name: text for name, text in variables.items() if name.startswith("HARBINGER_")},
    )
    assert 0 < 3 * interval <= told.watchdog_timeout_seconds
    assert route["group_wait"] == "0s"
    # If they were equal, a repetition would come due just after the flush that could send it.
    assert 0 < repeat < interval


def test_only_the_heartbeats_receiver_knows_its_timeout(platform: Any) -> None:
    told = {
        name
        for name, template in platform.pods()
        for container in template["spec"]["containers"]
        for entry in container.get("env", [])
        if entry["name"].endswith("WATCHDOG_TIMEOUT_SECONDS")
    }
    assert told == {"harbinger"}


def test_credentials_are_read_from_files_that_the_secret_holds(platform: Any) -> None:
    named = {
        value
        for receiver in platform.config("alertmanager")["receivers"]
        for key, entries in receiver.items()
        if key.endswith("_configs")
        for entry in entries
        for field, value in entry.items()
        if field.endswith("_file")
    }
    secrets = [
        found for found in platform.all("Secret") if found["metadata"]["name"] == "alertmanager"
    ]
    server = platform.one("StatefulSet", "alertmanager")["spec"]["template"]["spec"]
    if not named:
        assert receivers(platform)["critical"].get("webhook_configs")
        return
    (mount,) = [
        mount for mount in server["containers"][0]["volumeMounts"] if mount["name"] == "credentials"
    ]
    (secret,) = secrets
    # The engine wraps a secret: the wrapper around all of stringData proves that it is one.
    assert {f"{mount['mountPath']}/{key}" for key in unwrap(secret["stringData"])} == named


def unwrap(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and "value" in value else value


def test_one_channel_needs_only_its_own_credential() -> None:
    others = {k: v for k, v in SECRETS.items() if "pagerduty" not in k and "heartbeat" not in k}
    platform = program(
        "staging",
        others,
        routes={"critical": "slack", "warning": "slack"},
        heartbeat={"timeout": "5m", "outside": False},
    )
    assert set(unwrap(platform.one("Secret", "alertmanager")["stringData"])) == {"slack-api-url"}


def test_the_templates_are_mounted_next_to_the_configuration_that_names_them(platform: Any) -> None:
    assert platform.config("alertmanager")["templates"] == [TEMPLATES_FILE]
    assert files(platform)[TEMPLATES_FILE] == (ROOT / "rules" / TEMPLATES_FILE).read_text()


@pytest.mark.parametrize("stack", WITH_HOURS)
def test_a_route_with_hours_is_followed_by_routes_that_tell_the_end_after_them(
    stack: str, recordings: dict[str, Any]
) -> None:
    within, night, weekend = routes(recordings[stack])["warning-business-hours"]
    assert within["active_time_intervals"] == ["business-hours"]
    assert {minutes(one["repeat_interval"]) for one in (within, night, weekend)} == {32 * 60}
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
    kept = 2 * minutes(within["repeat_interval"])
    assert minutes(after["group_wait"]) < kept <= 60 * int(RETENTION.removesuffix("h"))


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
def test_the_page_that_a_workload_is_down_mutes_those_about_its_probes_and_objectives(
    alert: str, workload: str, platform: Any
) -> None:
    found = [
        rule
        for rule in platform.config("alertmanager")["inhibit_rules"]
        if rule["source_matchers"] == [f'alertname="{alert}"', f'job="{workload}"']
    ]
    assert [rule["target_matchers"] for rule in found] == [
        [f'workload="{workload}"'],
        [f'sloth_service="{workload}"'],
        ['sloth_service="blackbox-exporter"'],
    ]
    assert all(rule["equal"] == ["namespace"] for rule in found)


def test_a_treaty_fill_warning_is_inhibited_by_its_critical_sibling(platform: Any) -> None:
    pairs = {(r["source_matchers"][0], r["target_matchers"][0]) for r in siblings(platform)}
    assert ('alertname="TreatyFillRateCritical"', 'alertname="TreatyFillRateLow"') in pairs


def test_replicas_find_each_other_by_their_stable_names(platform: Any) -> None:
    stateful = platform.one("StatefulSet", "alertmanager")["spec"]
    flags = stateful["template"]["spec"]["containers"][0]["args"]
    peers = [flag for flag in flags if flag.startswith("--cluster.peer=")]
    if stateful["replicas"] == 1:
        assert not peers
        assert "--cluster.listen-address=" in flags
        return
    headless = platform.one("Service", stateful["serviceName"])["spec"]
    assert headless["publishNotReadyAddresses"] is True
    assert peers == [
        f"--cluster.peer=alertmanager-{number}.{stateful['serviceName']}:9094"
        for number in range(int(stateful["replicas"]))
    ]


@pytest.mark.parametrize("stack", ["node", "production"])
def test_a_replica_tells_its_peers_the_address_that_kubernetes_gave_its_pod(
    recordings: dict[str, Any], stack: str
) -> None:
    server = recordings[stack].server("alertmanager")
    (flag,) = [flag for flag in server["args"] if flag.startswith("--cluster.advertise-address=")]
    fields = {
        f"$({entry['name']})": entry["valueFrom"]["fieldRef"]["fieldPath"]
        for entry in server["env"]
    }
    assert [fields[name] for name in fields if name in flag] == ["status.podIP"]


def test_no_two_stacks_gossip_with_each_other(recordings: dict[str, Any]) -> None:
    labels = [
        flag
        for recorded in recordings.values()
        for flag in recorded.server("alertmanager")["args"]
        if flag.startswith("--cluster.label=")
    ]
    assert len(set(labels)) == len(labels) > 1


def test_a_page_has_a_severity_even_for_an_alert_without_one(platform: Any) -> None:
    for receiver in platform.config("alertmanager")["receivers"]:
        for page in receiver.get("pagerduty_configs", []):
            severity = receiver["name"].partition("-")[0]
            assert page["severity"] == ("critical" if severity == "all" else severity)
