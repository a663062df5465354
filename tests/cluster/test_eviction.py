"""A drain of a node evicts pods one replica at a time, as the PodDisruptionBudgets say."""

import httpx

from components.pods import NAME_LABEL
from tests.support.node import Deployed
from tests.support.node_pods import is_ready, pod_names, server_pods
from tests.support.waiting import wait_for

FIELD = "psi-field"
FIELD_PORT = 8000
KEY = "before-the-evictions"
LIMIT_SECONDS = 120


def test_replicas_leave_one_at_a_time_and_the_field_is_handed_on(deployed: Deployed):
    # Pods of the test before may still be ending.
    wait_for(lambda: all(map(is_ready, server_pods(deployed))), "no pod ends", LIMIT_SECONDS)
    pods = server_pods(deployed)
    components = sorted({pod["metadata"]["labels"][NAME_LABEL] for pod in pods})
    replicas = [pod_names(deployed, component) for component in components]
    pairs = [names for names in replicas if len(names) > 1]
    assert pairs
    step = {"x": [0.25] * 16, "apply_guardian": False}
    url = deployed.pod_url(pod_names(deployed, FIELD)[0], FIELD_PORT)
    httpx.post(
        f"{url}/step", json=step, headers={"Idempotency-Key": KEY}, trust_env=False
    ).raise_for_status()

    answers = {first: evict(deployed, first) for first, _ in pairs}
    assert answers == dict.fromkeys(answers, httpx.codes.CREATED)
    answers = {second: evict(deployed, second) for _, second in pairs}
    assert answers == dict.fromkeys(answers, httpx.codes.TOO_MANY_REQUESTS)
    wait_for(lambda: all_ready(deployed, len(pods)), "the first replicas are back", LIMIT_SECONDS)
    for _, second in pairs:
        wait_for(
            lambda second=second: evict(deployed, second) == httpx.codes.CREATED,
            f"{second} may leave",
            LIMIT_SECONDS,
        )
    wait_for(lambda: all_ready(deployed, len(pods)), "all replicas are back", LIMIT_SECONDS)

    # Both pods of the field are new.
    for pod in pod_names(deployed, FIELD):
        window = httpx.get(f"{deployed.pod_url(pod, FIELD_PORT)}/window", trust_env=False).json()
        assert KEY in [entry["key"] for entry in window["entries"]], pod


def evict(deployed: Deployed, pod: str) -> int:
    """Ask to evict the pod, as `kubectl drain` does. Returns the HTTP status of the answer."""
    namespace = f"{deployed.proxy}/api/v1/namespaces/{deployed.namespace}"
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": deployed.namespace},
    }
    return httpx.post(
        f"{namespace}/pods/{pod}/eviction", json=eviction, trust_env=False
    ).status_code


def all_ready(deployed: Deployed, number: int) -> bool:
    pods = server_pods(deployed)
    return len(pods) == number and all(map(is_ready, pods))
