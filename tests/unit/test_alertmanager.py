"""Every severity has a receiver, credentials stay in files, and a critical hides its warning."""

from typing import Any

import pytest
import yaml

from tests.unit.recording import SECRETS, configure, record, stack_values


def config(platform: Any) -> dict[str, Any]:
    return yaml.safe_load(platform.one("ConfigMap", "alertmanager")["data"]["alertmanager.yml"])


def receivers(platform: Any) -> dict[str, dict[str, Any]]:
    return {receiver["name"]: receiver for receiver in config(platform)["receivers"]}


def alerts(platform: Any) -> list[dict[str, Any]]:
    data = platform.one("ConfigMap", "prometheus-server")["data"]
    files = [yaml.safe_load(text) for name, text in data.items() if name.endswith("_rules.yml")]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    return [rule for rule in rules if "alert" in rule]


def test_every_severity_in_the_rules_is_routed_to_a_receiver_that_delivers(platform: Any) -> None:
    routes = {
        route["matchers"][0]: route["receiver"] for route in config(platform)["route"]["routes"]
    }
    for severity in {alert["labels"]["severity"] for alert in alerts(platform)}:
        receiver = receivers(platform)[routes[f'severity="{severity}"']]
        assert [key for key in receiver if key.endswith("_configs")], f"{severity} goes nowhere"


def test_an_alert_that_matches_no_route_pages(platform: Any) -> None:
    assert config(platform)["route"]["receiver"] == "critical"


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_critical_pages_and_warning_chats(recordings: dict[str, Any], stack: str) -> None:
    found = receivers(recordings[stack])
    assert "pagerduty_configs" in found["critical"]
    assert "slack_configs" in found["warning"]


def test_every_notification_reaches_harbinger_as_well(platform: Any) -> None:
    (service,) = [
        found for found in platform.all("Service") if found["metadata"]["name"] == "harbinger"
    ]
    address = f"http://harbinger.{service['metadata']['namespace']}.svc:{service['spec']['ports'][0]['port']:.0f}"
    for receiver in receivers(platform).values():
        (webhook,) = receiver["webhook_configs"]
        assert webhook["url"].startswith(address + "/")


def test_credentials_are_read_from_files_that_the_secret_holds(platform: Any) -> None:
    named = {
        value
        for receiver in config(platform)["receivers"]
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
        assert config(platform)["receivers"][0].get("webhook_configs")
        return
    (mount,) = [
        mount for mount in server["containers"][0]["volumeMounts"] if mount["name"] == "credentials"
    ]
    (secret,) = secrets
    # A secret arrives wrapped; the wrapper around the whole of stringData is the proof.
    assert {f"{mount['mountPath']}/{key}" for key in unwrap(secret["stringData"])} >= named


def unwrap(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and "value" in value else value


def test_a_warning_is_silent_while_its_critical_sibling_fires(platform: Any) -> None:
    severities = {alert["alert"]: alert["labels"]["severity"] for alert in alerts(platform)}
    rules = config(platform)["inhibit_rules"]
    assert rules
    for rule in rules:
        (source,), (target,) = rule["source_matchers"], rule["target_matchers"]
        assert severities[source.split('"')[1]] == "critical"
        assert severities[target.split('"')[1]] == "warning"
        assert rule["equal"], "without equal labels one treaty would silence another"


def test_replicas_know_each_other_by_their_stable_names(platform: Any) -> None:
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


def test_one_channel_needs_only_its_own_credential() -> None:
    from stacks.platform import build
    from stacks.settings import load_configuration

    values = stack_values("staging")
    values["vaultmesh:settings"]["alertmanager"]["routes"] = {
        "critical": "slack",
        "warning": "slack",
    }
    configure(values, {k: v for k, v in SECRETS.items() if "pagerduty" not in k})
    platform = record(lambda: build(load_configuration()))
    assert set(unwrap(platform.one("Secret", "alertmanager")["stringData"])) == {"slack-api-url"}


def test_each_severity_has_its_own_receiver(platform: Any) -> None:
    config = yaml.safe_load(platform.one("ConfigMap", "alertmanager")["data"]["alertmanager.yml"])
    for route in config["route"]["routes"]:
        assert route["matchers"] == [f'severity="{route["receiver"]}"']


def test_a_treaty_fill_warning_is_inhibited_by_its_critical_sibling(platform: Any) -> None:
    config = yaml.safe_load(platform.one("ConfigMap", "alertmanager")["data"]["alertmanager.yml"])
    pairs = {(r["source_matchers"][0], r["target_matchers"][0]) for r in config["inhibit_rules"]}
    assert ('alertname="TreatyFillRateCritical"', 'alertname="TreatyFillRateLow"') in pairs


def test_a_page_has_a_severity_even_for_an_alert_without_one(platform: Any) -> None:
    for receiver in config(platform)["receivers"]:
        for page in receiver.get("pagerduty_configs", []):
            assert page["severity"] == receiver["name"]
