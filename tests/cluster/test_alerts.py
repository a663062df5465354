"""On a running platform, alerts arrive, and rules and credentials change without a restart.

The reference scenario comes from the real services. Each pod of the field is alone, and is stepped
until it exports the density and the prediction error that were recorded for it, so all three alerts
have the recorded values. A program that replays the rest of the record would need an image of its
own and leave the services out. The treaty has a new name, because Prometheus knows of requests of
the last 10 minutes under the old one, and requests that nobody has made yet need no waiting.

Real durations are too long here: `rules.overrides` shortens the `for` of each alert. The kubelet
looks for changed ConfigMaps and Secrets every 60 to 90 seconds: the test of the threshold waits for
it, the others make it look at once. Meanwhile the scenario's alerts are on their way.
"""

import base64
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest
import yaml

from ops.live.scenario import load_scenario
from ops.live.terminal import alert_subject
from ops.prometheus_api import WATCHDOG, Prometheus
from services.psi_field.engine import SIZE
from tests.support.node import STACK, Deployed
from tests.support.project import Result
from tests.support.waiting import wait_for

REFERENCE = load_scenario("reference")
RESULTS = ("psi:pod_drift:abs", "psi:density:avg", "psi:prediction_error:max")
"""The recorded results that the services reproduce."""
TREATY = "REFERENCE-001"
IDLE: Mapping[str, Any] = {
    "cronJobs": {"soak-heartbeat": {"suspend": True}, "synthetic-feeder": {"suspend": True}}
}
"""Settings without traffic."""
SCENARIO: Mapping[str, Any] = {
    "alertmanager": {"heartbeat": {"timeout": "1m", "outside": True}},
    "workloads": {
        "psi-field": {"environment": {"PSI_FIELD_PEERS": "", "PSI_FIELD_TAKEOVER_SECONDS": "0"}},
        "aurora-treaty": {"environment": {"TREATY_NAME": TREATY}},
    },
    "rules": {
        "overrides": {
            "PsiFieldPredictionErrorHigh": {"for": "30s"},
            "PsiFieldPodDrift": {"for": "30s"},
            "TreatyNoRequests": {"for": "0s"},
            "PrometheusConfigReloadFailed": {"for": "0s"},
            # The heartbeat's address outside does not exist, and must not add a fourth alert.
            "AlertmanagerNotificationsFailing": {"for": "1h"},
        }
    },
}
"""Settings of the reference scenario, and of the credential that a test rotates."""
SECRETS = ("9fS2kQx7RbV4", "Zt6mWc3LpH8d")
"""The end of the heartbeat's URL, before and after it is rotated."""
GROUPS_TWICE = "groups: []\ngroups: []\n"
"""The mistake that once stopped Prometheus: two files in one key, each with its own `groups`."""
SERVERS = {"prometheus-server": 9090, "alertmanager": 9093}

T = TypeVar("T")
Report = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The platform in the reference scenario.

    `pods` are those of the field, in the record's order. `outputs` are those of every `pulumi up`.
    """

    deployed: Deployed
    pods: list[str]
    outputs: list[str]

    def up(self, changes: Mapping[str, Any]) -> Result:
        """Change settings of the stack, and run `pulumi up`."""
        file = self.deployed.project.root / f"Pulumi.{STACK}.yaml"
        document = yaml.safe_load(file.read_text())
        merge(document["config"]["vaultmesh:settings"], changes)
        file.write_text(yaml.safe_dump(document))
        result = self.deployed.up()
        assert result.code == 0, result.text
        self.outputs.append(result.text)
        return result


def merge(settings: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Set the changes, key by key in nested mappings."""
    for key, value in changes.items():
        if isinstance(value, Mapping):
            merge(settings.setdefault(key, {}), value)
        else:
            settings[key] = value


@pytest.fixture(scope="module")
def replay(deployed: Deployed) -> Iterator[Replay]:
    """The platform in the reference scenario; it has its own settings back at the end."""
    with replayed(deployed) as replay:
        yield replay


@contextmanager
def replayed(deployed: Deployed) -> Iterator[Replay]:
    """Bring the platform into the reference scenario, and back."""
    file = deployed.project.root / f"Pulumi.{STACK}.yaml"
    before = file.read_text()
    replay = Replay(deployed=deployed, pods=[], outputs=[])
    try:
        replay.up(IDLE)
        # One that has begun goes on for a minute.
        deployed.node.kubectl(f"--namespace={deployed.namespace}", "delete", "jobs", "--all")
        set_heartbeat_url(deployed, 0)
        replay.up(SCENARIO)
        wait_for(lambda: is_rolled_out(deployed), "every pod has the new settings", 120)
        replay.pods.extend(pod for pod in lives(deployed) if pod.startswith("psi-field-"))
        for pod, recorded in zip(replay.pods, REFERENCE.pods["psi-field"], strict=True):
            take_steps(pod_url(deployed, pod, 8000), recorded)
        yield replay
    finally:
        file.write_text(before)
        result = deployed.up()
        assert result.code == 0, result.text
        wait_for(lambda: is_rolled_out(deployed), "every pod has its own settings", 120)


def is_rolled_out(deployed: Deployed) -> bool:
    """Whether all pods are new and ready. `pulumi up` may end before it notices an update."""
    return all(
        found["status"].get("observedGeneration") == found["metadata"]["generation"]
        and {found["status"].get(f"{kind}eplicas") for kind in ("r", "updatedR", "readyR")}
        == {found["spec"]["replicas"]}
        for found in deployed.objects("deployments,statefulsets")
    )


@pytest.fixture
def report(
    record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> Report:
    """Puts a measured time into the test's report and on the terminal."""

    def record(what: str, seconds: float) -> None:
        record_property(what, round(seconds, 1))
        with capsys.disabled():
            sys.stdout.write(f"\n{what}: {seconds:.0f} s\n")

    return record


def set_heartbeat_url(deployed: Deployed, number: int) -> None:
    """Set the stack's credential. Logs may name its host, which does not exist."""
    url = f"https://host-{number}.invalid/{SECRETS[number]}"
    deployed.project.set_secret("heartbeatUrl", url, stack=STACK)


def take_steps(pod: str, recorded: Mapping[str, float]) -> None:
    """Step a pod at rest until it has the recorded density and prediction error.

    A step with all inputs at u moves a field that is f everywhere to (u + f) / 2, its density, with
    an error of u - f.
    """
    density, error = recorded["psi_field_density"], recorded["psi_field_prediction_error"]
    with httpx.Client(base_url=pod, trust_env=False) as client:
        # The synthetic probe's step counts once. It leaves a field at rest as it is.
        for level, headers in (
            (0, {"Idempotency-Key": "probe"}),
            (2 * (density - error / 2), {}),
            (density + error / 2, {}),
        ):
            body = {"x": [math.atanh(level)] * SIZE, "apply_guardian": False}
            client.post("/step", json=body, headers=headers).raise_for_status()


def pod_url(deployed: Deployed, pod: str, port: int) -> str:
    """The URL of a port of a pod, through the API server."""
    return f"{deployed.proxy}/api/v1/namespaces/{deployed.namespace}/pods/{pod}:{port}/proxy"


def lives(deployed: Deployed) -> dict[str, tuple[object, ...]]:
    """Pod -> what changes if it, one of its containers or its server starts again."""
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            *(
                (container["containerID"], container["restartCount"])
                for container in pod["status"]["containerStatuses"]
            ),
            started(deployed, pod),
        )
        for pod in deployed.objects("pods")
        if pod["metadata"]["ownerReferences"][0]["kind"] != "Job"
        and "deletionTimestamp" not in pod["metadata"]
    }


def started(deployed: Deployed, pod: Mapping[str, Any]) -> float | None:
    """When the process of a server started, as it says itself; None for other pods."""
    metadata = pod["metadata"]
    port = SERVERS.get(metadata["labels"]["app.kubernetes.io/name"])
    return metric(deployed, metadata["name"], port, "process_start_time_seconds") if port else None


def metric(deployed: Deployed, pod: str, port: int, name: str) -> float:
    """The value of a metric without labels, from the pod itself."""
    text = httpx.get(f"{pod_url(deployed, pod, port)}/metrics", trust_env=False).text
    return float(re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[0])


def sync_volumes(deployed: Deployed, name: str) -> None:
    """Make the kubelet look for changes of what the pods called `name` mount."""
    for change in ("vaultmesh.dev/look=now", "vaultmesh.dev/look-"):
        deployed.node.kubectl(
            *(f"--namespace={deployed.namespace}", "annotate", "pods"),
            *(f"--selector=app.kubernetes.io/name={name}", change),
        )


def of_replicas(deployed: Deployed, ask: Callable[[Prometheus], T]) -> list[T]:
    """The answer of each replica of Prometheus."""
    answers: list[T] = []
    for pod in deployed.pods("prometheus-server"):
        url = pod_url(deployed, pod["metadata"]["name"], SERVERS["prometheus-server"])
        with closing(Prometheus(url)) as prometheus:
            answers.append(ask(prometheus))
    return answers


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


def test_a_rotated_credential_is_used_without_a_restart_and_stays_secret(
    replay: Replay, report: Report
) -> None:
    deployed = replay.deployed
    before = lives(deployed)
    wait_for(lambda: has_tried(deployed, 0), "the first credential is used", 60)
    set_heartbeat_url(deployed, 1)
    assert updated(replay.up({})) == {"Secret alertmanager"}
    sync_volumes(deployed, "alertmanager")
    seconds = wait_for(lambda: has_tried(deployed, 1), "the new credential is used", 60)
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


def updated(result: Result) -> set[str]:
    """Kind and name of each resource that `pulumi up` has updated; fails if it did more."""
    found = set(re.findall(r":(\w+) +(\S+) +updated", result.text))
    assert result.changes.items() >= {"~": len(found)}.items() and len(result.changes) == 2
    return {f"{kind} {name}" for kind, name in found}


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
    return deployed.node.kubectl(
        f"--namespace={deployed.namespace}", "logs", pod, "--all-containers"
    )


def test_an_edited_threshold_is_in_force_within_2_minutes_and_restarts_nothing(
    replay: Replay, report: Report
) -> None:
    deployed = replay.deployed
    before = lives(deployed)
    result = replay.up({"rules": {"overrides": {"TreatyRttHigh": {"threshold": 275}}}})
    assert updated(result) == {"ConfigMap prometheus-server", "ConfigMap dashboard-aurora-kpis"}
    new = ("TreatyRttHigh", "treaty:rtt:avg > 275", "ok")
    seconds = wait_for(
        lambda: all(new in found for found in of_replicas(deployed, rules)),
        "the new threshold is in force",
        120,
    )
    report("from the end of `up` to the new threshold in both replicas of Prometheus", seconds)
    assert lives(deployed) == before


def test_the_three_alerts_of_the_reference_scenario_arrive_at_harbinger(replay: Replay) -> None:
    alerts = [
        (alert["alert"], alert["severity"], subject(replay, alert), alert["value"])
        for alert in sorted(REFERENCE.alerts, key=lambda alert: alert["alert"])
    ]
    wait_for(lambda: len(arrived(replay)) >= len(alerts), "the alerts arrive", 240)
    assert arrived(replay) == [(name, severity, on) for name, severity, on, _ in alerts]
    with closing(replay.deployed.prometheus()) as prometheus:
        found = {(name, on): value for name, on, value in firing(prometheus)}
        results = {name: prometheus.query(name)[0].value[1] for name in RESULTS}
    assert found == pytest.approx({(name, on): value for name, _, on, value in alerts})
    assert results == pytest.approx({name: REFERENCE.results[name] for name in RESULTS})


def subject(replay: Replay, alert: Mapping[str, Any]) -> str:
    """What an alert of the record is about, on this platform."""
    if number := alert.get("pod"):
        return replay.pods[number - 1]
    return TREATY if "treaty" in alert["labels"] else alert_subject(alert["labels"])


def arrived(replay: Replay) -> list[tuple[str, str, str]]:
    """Name, receiver and subject of each alert that harbinger was told of while it fired."""
    events = f"{replay.deployed.url('harbinger', 8000)}/events?status=firing"
    answer = httpx.get(events, trust_env=False)
    return sorted(
        (event["alertname"], event["receiver"], alert_subject(event["labels"]))
        for event in answer.json()["events"]
    )


def test_a_broken_rule_file_leaves_the_old_rules_in_force_until_up_repairs_it(
    replay: Replay,
) -> None:
    deployed = replay.deployed
    before, healthy = lives(deployed), of_replicas(deployed, rules)
    patch = json.dumps({"data": {"alerting_rules.yml": GROUPS_TWICE}})
    deployed.node.kubectl(
        *(f"--namespace={deployed.namespace}", "patch", "configmap", "prometheus-server"),
        *("--type=merge", f"--patch={patch}"),
    )
    sync_volumes(deployed, "prometheus-server")
    pods = [pod for pod in before if pod.startswith("prometheus-server-")]
    for pod in pods:
        alert = ("PrometheusConfigReloadFailed", pod)
        wait_for(lambda alert=alert: alert in firing_anywhere(deployed), f"{pod}'s alert", 120)
    assert of_replicas(deployed, rules) == healthy
    result = deployed.project.refresh(stack=STACK)
    assert result.code == 0, result.text
    assert updated(replay.up({})) == {"ConfigMap prometheus-server"}
    sync_volumes(deployed, "prometheus-server")
    wait_for(lambda: all(has_loaded(deployed, pod) for pod in pods), "the rules are repaired", 60)
    assert of_replicas(deployed, rules) == healthy
    assert lives(deployed) == before


def firing_anywhere(deployed: Deployed) -> set[tuple[str, str]]:
    """Name and subject of each alert that fires in a replica of Prometheus."""
    return {(name, on) for found in of_replicas(deployed, firing) for name, on, _ in found}


def has_loaded(deployed: Deployed, pod: str) -> bool:
    name = "prometheus_config_last_reload_successful"
    return metric(deployed, pod, SERVERS["prometheus-server"], name) == 1
