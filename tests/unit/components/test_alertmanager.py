"""Alertmanager's receivers, credentials, heartbeat, templates and cluster."""

from typing import Any

import pytest

from components.alertmanager_config import TEMPLATES_FILE
from services.harbinger.app import HarbingerSettings
from services.shell import load_settings
from tests.support.alertmanager_yml import BEAT, OUTSIDE, program, receivers, routes
from tests.support.recording import ROOT, SECRETS, stack_values


def files(platform: Any) -> dict[str, str]:
    return platform.one("ConfigMap", "alertmanager")["data"]


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


def test_only_the_heartbeat_sends_no_resolved_notification(platform: Any) -> None:
    for name, receiver in receivers(platform).items():
        for key, entries in receiver.items():
            if key.endswith("_configs"):
                assert {entry["send_resolved"] for entry in entries} == {
                    name not in (BEAT, OUTSIDE)
                }


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
