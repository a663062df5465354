"""Every severity has a receiver, credentials are in files, a critical alert mutes its warning."""

from typing import Any

import pytest

from components.alertmanager_config import TEMPLATES_FILE
from rules.rule import WATCHDOG, WATCHDOG_SEVERITY
from services.harbinger.app import HarbingerSettings
from services.shell import load_settings
from tests.support.recording import (
    ROOT,
    SECRETS,
    STACKS,
    Recording,
    run_values,
    stack_values,
)

BEAT = "heartbeat"
SEVERITIES = ("warning", "critical")


def files(platform: Any) -> dict[str, str]:
    return platform.one("ConfigMap", "alertmanager")["data"]


def receivers(platform: Any) -> dict[str, dict[str, Any]]:
    return {receiver["name"]: receiver for receiver in platform.config("alertmanager")["receivers"]}


def routes(platform: Any) -> dict[str, dict[str, Any]]:
    """Receiver -> its route."""
    return {
        route["receiver"]: route for route in platform.config("alertmanager")["route"]["routes"]
    }


def settings(stack: str) -> dict[str, Any]:
    return stack_values(stack)["vaultmesh:settings"]["alertmanager"]


def program(stack: str, secrets: dict[str, str] = SECRETS, **alertmanager: Any) -> Recording:
    """The resources of a stack with some of Alertmanager's settings replaced."""
    values = stack_values(stack)
    values["vaultmesh:settings"]["alertmanager"].update(alertmanager)
    return run_values(values, secrets)


def test_every_severity_in_the_rules_is_routed_to_a_receiver_that_delivers(platform: Any) -> None:
    by_matcher = {route["matchers"][-1]: name for name, route in routes(platform).items()}
    for severity in {alert["labels"]["severity"] for alert in platform.alerts()}:
        receiver = receivers(platform)[by_matcher[f'severity="{severity}"']]
        assert [key for key in receiver if key.endswith("_configs")], f"{severity} goes nowhere"


def test_each_severity_has_its_own_receiver(platform: Any) -> None:
    for severity in SEVERITIES:
        assert routes(platform)[severity]["matchers"] == [f'severity="{severity}"']


def test_an_alert_without_a_matching_route_pages_at_any_time(platform: Any) -> None:
    root = platform.config("alertmanager")["route"]
    assert root["receiver"] == "critical"
    assert not [key for key in root if key.endswith("time_intervals")]


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
    assert "slack_configs" in found["warning"]


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
    for receiver in receivers(platform).values():
        (webhook,) = [hook for hook in receiver["webhook_configs"] if "url" in hook]
        assert webhook["url"].startswith(address + "/")


def test_only_the_heartbeat_sends_no_resolved_notification(platform: Any) -> None:
    for name, receiver in receivers(platform).items():
        for key, entries in receiver.items():
            if key.endswith("_configs"):
                assert {entry["send_resolved"] for entry in entries} == {name != BEAT}


def test_only_the_heartbeat_matches_the_heartbeats_route(platform: Any) -> None:
    assert routes(platform)[BEAT]["matchers"] == [
        f'alertname="{WATCHDOG}"',
        f'severity="{WATCHDOG_SEVERITY}"',
    ]
    assert {"name", "webhook_configs", "sns_configs"} >= set(receivers(platform)[BEAT])


@pytest.mark.parametrize("timeout", ["5m", "1m", "90s", "1h"])
def test_two_lost_heartbeats_do_not_reach_the_timeout(timeout: str) -> None:
    platform = program("staging", heartbeat={"timeout": timeout, "outside": True})
    route = routes(platform)[BEAT]
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
        assert platform.config("alertmanager")["receivers"][0].get("webhook_configs")
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


@pytest.mark.parametrize("stack", STACKS)
def test_a_route_is_open_during_the_hours_that_the_settings_name(
    stack: str, recordings: dict[str, Any]
) -> None:
    given, platform = settings(stack), recordings[stack]
    for severity, route in given["routes"].items():
        during = route.get("during") if isinstance(route, dict) else None
        found = routes(platform)[severity].get("active_time_intervals")
        assert found == ([during] if during else None)
    names = [interval["name"] for interval in platform.config("alertmanager")["time_intervals"]]
    assert names == [*given.get("hours", {})]


def test_idle_windows_mute_one_alert_in_a_child_route_of_its_severity() -> None:
    shift = {"timeZone": "Europe/Dublin", "from": "08:00", "to": "18:00"}
    windows = [
        {"name": "nights", "timeZone": "Europe/Berlin", "from": "22:00", "to": "06:00"},
        {"name": "sundays", **shift, "weekdays": ["sunday"]},
    ]
    platform = program("staging", idleWindows=windows)
    (child,) = routes(platform)["warning"]["routes"]
    assert child == {
        "matchers": ['alertname="TreatyNoRequests"'],
        "active_time_intervals": routes(platform)["warning"]["active_time_intervals"],
        "mute_time_intervals": ["nights", "sundays"],
    }
    assert str(platform.config("alertmanager")).count("mute_time_intervals") == 1
    known = {interval["name"] for interval in platform.config("alertmanager")["time_intervals"]}
    assert {"nights", "sundays", "business-hours"} == known


def test_a_warning_is_silent_while_its_critical_sibling_fires(platform: Any) -> None:
    severities = {alert["alert"]: alert["labels"]["severity"] for alert in platform.alerts()}
    rules = platform.config("alertmanager")["inhibit_rules"]
    assert rules
    for rule in rules:
        (source,), (target,) = rule["source_matchers"], rule["target_matchers"]
        assert severities[source.split('"')[1]] == "critical"
        assert severities[target.split('"')[1]] == "warning"
        assert rule["equal"], "without equal labels one treaty would silence another"


def test_a_treaty_fill_warning_is_inhibited_by_its_critical_sibling(platform: Any) -> None:
    rules = platform.config("alertmanager")["inhibit_rules"]
    pairs = {(r["source_matchers"][0], r["target_matchers"][0]) for r in rules}
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
            assert page["severity"] == receiver["name"]
