"""The reference scenario on a real node, by the real services.

Each pod of the field is alone, and is stepped until it exports the density and the prediction error
that were recorded for it, so all three alerts have the recorded values. A program that replays the
rest of the record would need an image of its own and leave the services out. The treaty has a new
name, because Prometheus knows of requests of the last 10 minutes under the old one, and requests
that nobody has made yet need no waiting. `rules.overrides` shortens the `for` of each alert.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import yaml

from ops.live.scenario import load_scenario
from ops.prometheus_api import Prometheus
from services.psi_field.engine import SIZE
from tests.support.node import STACK, Deployed
from tests.support.project import Result
from tests.support.waiting import wait_for

REFERENCE = load_scenario("reference")
TREATY = "REFERENCE-001"
IDLE: Mapping[str, Any] = {
    "cronJobs": {
        # Not suspended, because then TreatyNoRequests is silent; but due at New Year only.
        "soak-heartbeat": {"suspend": False, "schedule": "0 0 1 1 *"},
        "synthetic-feeder": {"suspend": True},
    }
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
            "AlertmanagerWebhooksFailing": {"for": "1h"},
        }
    },
}
"""Settings of the reference scenario, and of the credential that a test rotates."""
SECRETS = ("9fS2kQx7RbV4", "Zt6mWc3LpH8d")
"""The end of the heartbeat's URL, before and after it is rotated."""
SERVERS = {"prometheus-server": 9090, "alertmanager": 9093}


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


@contextmanager
def replayed(deployed: Deployed) -> Iterator[Replay]:
    """Bring the platform into the reference scenario, and back."""
    file = deployed.project.root / f"Pulumi.{STACK}.yaml"
    before = file.read_text()
    replay = Replay(deployed=deployed, pods=[], outputs=[])
    try:
        # Otherwise, there would be an alert on the old treaty too.
        wait_for(
            lambda: all(deployed.ask_each_prometheus(has_had_requests)),
            "the treaty has had requests",
            180,
        )
        replay.up(IDLE)
        # A soak test that has begun goes on for a minute.
        deployed.kubectl("delete", "jobs", "--all", "--cascade=foreground")
        set_heartbeat_url(deployed, 0)
        replay.up(SCENARIO)
        wait_for(lambda: is_rolled_out(deployed), "every pod has the new settings", 120)
        replay.pods.extend(pod for pod in lives(deployed) if pod.startswith("psi-field-"))
        for pod, recorded in zip(replay.pods, REFERENCE.pods["psi-field"], strict=True):
            take_steps(deployed.pod_url(pod, 8000), recorded)
        yield replay
    finally:
        file.write_text(before)
        result = deployed.up()
        assert result.code == 0, result.text
        wait_for(lambda: is_rolled_out(deployed), "every pod has its own settings", 120)


def has_had_requests(prometheus: Prometheus) -> bool:
    """Whether Prometheus knows of requests to a treaty within the last minutes."""
    return bool(prometheus.query("increase(treaty_requests_total[5m]) > 0"))


def is_rolled_out(deployed: Deployed) -> bool:
    """Whether all pods are new and ready. `pulumi up` may end before it notices an update."""
    return all(
        found["status"].get("observedGeneration") == found["metadata"]["generation"]
        and {found["status"].get(f"{kind}eplicas") for kind in ("r", "updatedR", "readyR")}
        == {found["spec"]["replicas"]}
        for found in deployed.objects("deployments,statefulsets")
    )


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
    url = f"{deployed.pod_url(pod, port)}/metrics"
    text = httpx.get(url, trust_env=False).raise_for_status().text
    return float(re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[0])


def sync_volumes(deployed: Deployed, name: str) -> None:
    """Make the kubelet look for changes of what the pods called `name` mount."""
    for change in ("vaultmesh.dev/look=now", "vaultmesh.dev/look-"):
        deployed.kubectl("annotate", "pods", f"--selector=app.kubernetes.io/name={name}", change)
