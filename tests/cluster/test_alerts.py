"""On a running platform, alerts arrive, and rules and credentials change without a restart.

The kubelet looks for changed ConfigMaps and Secrets every 60 to 90 seconds. The test of the
threshold waits for that, and the others make it look at once. Meanwhile the alerts of the reference
scenario are on their way: they arrive two minutes after it has begun.
"""

import base64
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from ops.live.terminal import alert_subject
from ops.prometheus_api import WATCHDOG, Prometheus
from tests.support.node import STACK, Deployed
from tests.support.project import Result
from tests.support.replay import (
    REFERENCE,
    SECRETS,
    SERVERS,
    TREATY,
    Replay,
    lives,
    metric,
    replayed,
    set_heartbeat_url,
    sync_volumes,
)
from tests.support.waiting import wait_for

RESULTS = (
    *("psi:pod_drift:abs", "psi:density:avg", "psi:prediction_error:max"),
    "vaultmesh:l3_availability",
)
"""The recorded results that the services reproduce."""
GROUPS_TWICE = "groups: []\ngroups: []\n"
"""The mistake that once stopped Prometheus: two files in one key, each with its own `groups`."""

Report = Callable[[str, float], None]


@pytest.fixture(scope="module")
def replay(deployed: Deployed) -> Iterator[Replay]:
    """The platform in the reference scenario; it has its own settings back at the end."""
    with replayed(deployed) as replay:
        yield replay


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Puts a measured time on the terminal."""

    def show(what: str, seconds: float) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{what}: {seconds:.0f} s\n")

    return show


def rules(prometheus: Prometheus) -> list[tuple[str, str, str]]:
    """Name, query and health of each rule."""
    return [
        (rule.name, rule.query, rule.health) for group in prometheus.rules() for rule in group.rules
    ]


def firing(prometheus: Prometheus) -> list[tuple[str, str, float]]:
    """Name, subject and value of each alert that fires, but for the heartbeat."""
    return sorted(
        (rule.name, alert_subject(alert.labels), alert.value)
        for group in prometheus.rules()
        for rule in group.rules
        for alert in rule.alerts
        if alert.state == "firing" and rule.name != WATCHDOG
    )


def test_an_edited_threshold_is_in_force_within_2_minutes_and_restarts_nothing(
    replay: Replay, report: Report
) -> None:
    deployed = replay.deployed
    before = lives(deployed)
    result = replay.up({"rules": {"overrides": {"TreatyDropRateHigh": {"threshold": 0.2}}}})
    assert updated(result) == {"ConfigMap prometheus-server", "ConfigMap dashboard-aurora-kpis"}
    new = ("TreatyDropRateHigh", "treaty:drop_rate:5m > 0.2", "ok")
    seconds = wait_for(
        lambda: all(new in found for found in deployed.ask_each_prometheus(rules)),
        "the new threshold is in force",
        120,
    )
    report("from the end of `up` to the new threshold in both replicas of Prometheus", seconds)
    assert lives(deployed) == before


def updated(result: Result) -> set[str]:
    """Kind and name of each resource that `pulumi up` has updated; fails if it did more."""
    found = set(re.findall(r":(\w+) +(\S+) +updated", result.text))
    assert result.changes.items() >= {"~": len(found)}.items() and len(result.changes) == 2
    return {f"{kind} {name}" for kind, name in found}


def test_a_rotated_credential_is_used_without_a_restart_and_stays_secret(
    replay: Replay, report: Report
) -> None:
    deployed = replay.deployed
    before = lives(deployed)
    wait_for(lambda: has_tried(deployed, 0), "the first credential is used", 120)
    set_heartbeat_url(deployed, 1)
    assert updated(replay.up({})) == {"Secret alertmanager"}
    sync_volumes(deployed, "alertmanager")
    seconds = wait_for(lambda: has_tried(deployed, 1), "the new credential is used", 120)
    report("from the kubelet's look to Alertmanager's use of the new credential", seconds)
    assert lives(deployed) == before
    [secret] = deployed.objects("secrets", "--field-selector=metadata.name=alertmanager")
    places = {
        "the output of pulumi": "".join(replay.outputs),
        "the state": deployed.project.state_bytes(stack=STACK).decode(),
        "ConfigMaps": deployed.node.kubectl("get", "configmaps", "--all-namespaces", "-o=yaml"),
        "events": deployed.node.kubectl("get", "events", "--all-namespaces", "-o=yaml"),
        **{f"the log of {pod}": log(deployed, pod) for pod in before},
        **{file.name: file.read_text() for file in deployed.node.folder.logs.iterdir()},
        "its Secret": json.dumps(secret["data"]),
    }
    assert leaks(places) == ["its Secret"]


def leaks(places: Mapping[str, str]) -> list[str]:
    """The places with one of the credentials, as it is or as a part of text in base64."""
    forms = [
        base64.b64encode(b" " * shift + secret.encode()).decode()[4 * (shift > 0) : -4]
        for secret in SECRETS
        for shift in range(3)
    ]
    found = re.compile("|".join(map(re.escape, (*SECRETS, *forms))))
    return [place for place, text in places.items() if found.search(text)]


def has_tried(deployed: Deployed, number: int) -> bool:
    """Whether Alertmanager has looked up the host of the credential of this number."""
    pods = [pod for pod in lives(deployed) if pod.startswith("alertmanager-")]
    return any(f"lookup host-{number}.invalid" in log(deployed, pod) for pod in pods)


def log(deployed: Deployed, pod: str) -> str:
    return deployed.kubectl("logs", pod, "--all-containers")


def test_the_three_alerts_of_the_reference_scenario_arrive_at_harbinger(replay: Replay) -> None:
    alerts = [
        (alert["alert"], alert["severity"], subject(replay, alert), alert["value"])
        for alert in sorted(REFERENCE.alerts, key=lambda alert: alert["alert"])
    ]
    wait_for(lambda: len(arrived(replay)) >= len(alerts), "the alerts arrive", 240)
    assert arrived(replay) == [(name, severity, on) for name, severity, on, _ in alerts]
    expected = {(name, on): pytest.approx(value) for name, _, on, value in alerts}
    wait_for(
        lambda: all(found == expected for found in replay.deployed.ask_each_prometheus(values)),
        "the alerts fire in both replicas",
        60,
    )
    for results in replay.deployed.ask_each_prometheus(recorded):
        assert results == pytest.approx({name: REFERENCE.results[name] for name in RESULTS})


def values(prometheus: Prometheus) -> dict[tuple[str, str], float]:
    """The value of each alert that fires, by its name and subject."""
    return {(name, on): value for name, on, value in firing(prometheus)}


def recorded(prometheus: Prometheus) -> dict[str, float]:
    """The value of each of RESULTS."""
    return {name: prometheus.query(name)[0].value[1] for name in RESULTS}


def subject(replay: Replay, alert: Mapping[str, Any]) -> str:
    """What an alert of the record is about, on this platform."""
    if number := alert.get("pod"):
        return replay.pods[number - 1]
    return TREATY if "treaty" in alert["labels"] else alert_subject(alert["labels"])


def arrived(replay: Replay) -> list[tuple[str, str, str]]:
    """Name, receiver and subject of each alert that harbinger was told of while it fired.

    An alert that harbinger itself raises has no receiver. Its timeout of a minute can pass while
    all servers start anew with the scenario's settings. None while harbinger can't be asked.
    """
    events = f"{replay.deployed.url('harbinger', 8000)}/events?status=firing"
    answer = httpx.get(events, trust_env=False)
    if not answer.is_success:
        return []
    return sorted(
        (event["alertname"], event["receiver"], alert_subject(event["labels"]))
        for event in answer.json()["events"]
        if event["receiver"]
    )


def test_a_broken_rule_file_leaves_the_old_rules_in_force_until_up_repairs_it(
    replay: Replay,
) -> None:
    deployed = replay.deployed
    before, healthy = lives(deployed), deployed.ask_each_prometheus(rules)
    patch = json.dumps({"data": {"alerting_rules.yml": GROUPS_TWICE}})
    deployed.kubectl("patch", "configmap", "prometheus-server", "--type=merge", f"--patch={patch}")
    sync_volumes(deployed, "prometheus-server")
    pods = [pod for pod in before if pod.startswith("prometheus-server-")]
    for pod in pods:
        alert = ("PrometheusConfigReloadFailed", pod)
        wait_for(lambda alert=alert: alert in firing_anywhere(deployed), f"{pod}'s alert", 120)
    assert deployed.ask_each_prometheus(rules) == healthy
    result = deployed.project.run("refresh", stack=STACK)
    assert result.code == 0, result.text
    assert updated(replay.up({})) == {"ConfigMap prometheus-server"}
    sync_volumes(deployed, "prometheus-server")
    wait_for(lambda: all(has_loaded(deployed, pod) for pod in pods), "the rules are repaired", 60)
    assert deployed.ask_each_prometheus(rules) == healthy
    assert lives(deployed) == before


def firing_anywhere(deployed: Deployed) -> set[tuple[str, str]]:
    """Name and subject of each alert that fires in a replica of Prometheus."""
    return {(name, on) for found in deployed.ask_each_prometheus(firing) for name, on, _ in found}


def has_loaded(deployed: Deployed, pod: str) -> bool:
    name = "prometheus_config_last_reload_successful"
    return metric(deployed, pod, SERVERS["prometheus-server"], name) == 1
