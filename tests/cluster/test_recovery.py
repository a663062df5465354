"""What is killed comes back by itself, with its data, and little is lost on the way."""

import math
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from components import alertmanager, prometheus
from components.pods import NAME_LABEL
from ops.alertmanager_api import Alertmanager
from ops.http_api import ApiError
from ops.prometheus_api import Prometheus, Series
from promql.durations import parse_duration
from tests.support.node import Deployed
from tests.support.node_pods import (
    Container,
    is_ready,
    pod_names,
    running_containers,
    server_pods,
)
from tests.support.waiting import wait_for

INTERVAL = parse_duration(prometheus.INTERVAL) / 1000
"""Seconds between two scrapes of a target."""
ONE_LOST_SECONDS = 2 * INTERVAL + 2
"""From one scrape to the next but one, if that is late on a busy machine."""
LIMIT_SECONDS = 120
FIELD = "psi-field"
FIELD_PORT = 8000
STEP = {"x": [0.5] * 16, "apply_guardian": False}
DAEMONS = {"containerd": FIELD, "kubelet": alertmanager.NAME}
"""The node's programs that run containers, and whose second pod is killed while each is down."""

Place = tuple[str, str]
"""A container's pod and name."""
Samples = dict[str, dict[float, float]]
"""Value by time of the samples of `up`, by the labels of their target."""


@dataclass(frozen=True, kw_only=True)
class Killing:
    """What was there before the programs of the `victims` were killed, all at the same time.

    `samples` are those of a Prometheus that was killed, `window` is the history of a killed pod of
    the field, and `silence` is one that a killed Alertmanager had got.
    """

    began: float
    victims: frozenset[str]
    containers: Mapping[Place, Container]
    volumes: Mapping[str, str]
    samples: Samples
    window: Mapping[str, Any]
    silence: str


@pytest.fixture(scope="module")
def killing(deployed: Deployed) -> Iterator[Killing]:
    """All programs of one pod of each component have been killed, and all works again."""
    wait_for(lambda: all_up(deployed, since=0), "every target is up", LIMIT_SECONDS)
    victims = {
        pod["metadata"]["labels"][NAME_LABEL]: pod["metadata"]["name"]
        for pod in reversed(server_pods(deployed))
    }
    keyed = {"Idempotency-Key": "before-the-kill"}
    field = deployed.pod_url(victims[FIELD], FIELD_PORT)
    httpx.post(f"{field}/step", json=STEP, headers=keyed, trust_env=False).raise_for_status()
    with alertmanager_of(deployed, victims[alertmanager.NAME]) as api:
        silence = api.set_silence(silence_of_nothing())
    before = Killing(
        began=time.time(),
        victims=frozenset(victims.values()),
        containers=containers(deployed),
        volumes=volumes(deployed),
        samples=samples(deployed, victims[prometheus.NAME]),
        window=httpx.get(f"{field}/window", trust_env=False).json(),
        silence=silence,
    )
    kill(deployed, before.containers, before.victims)
    wait_for(
        lambda: all_ready(deployed, before.containers, restarted=before.victims),
        "every killed program runs again",
        LIMIT_SECONDS,
    )
    wait_for(
        lambda: all_up(deployed, since=before.began), "every target is up again", LIMIT_SECONDS
    )
    yield before
    with alertmanager_of(deployed, victims[alertmanager.NAME]) as api:
        api.expire_silence(silence)


def test_each_killed_program_starts_again_in_its_pod_and_with_its_volume(
    deployed: Deployed, killing: Killing
):
    restarts = {
        place: container.restarts - killing.containers[place].restarts
        for place, container in containers(deployed).items()
    }
    assert restarts == {place: int(place[0] in killing.victims) for place in killing.containers}
    assert volumes(deployed) == killing.volumes


def test_a_kill_costs_each_target_at_most_one_scrape(deployed: Deployed, killing: Killing):
    for replica in pod_names(deployed, prometheus.NAME):
        for target, values in samples(deployed, replica).items():
            # Pods that ended earlier still have samples.
            if max(values) > killing.began:
                silence = longest_silence(values, killing.began - 2 * INTERVAL)
                assert silence < ONE_LOST_SECONDS, f"{replica}: {target}"


def test_a_killed_prometheus_keeps_every_sample_that_it_had(deployed: Deployed, killing: Killing):
    [killed] = killing.victims.intersection(pod_names(deployed, prometheus.NAME))
    after = samples(deployed, killed)
    for target, known in killing.samples.items():
        assert known.items() <= after[target].items(), target


def test_a_killed_pod_of_the_field_has_the_steps_of_its_peer(deployed: Deployed, killing: Killing):
    [killed] = killing.victims.intersection(pod_names(deployed, FIELD))
    now = httpx.get(f"{deployed.pod_url(killed, FIELD_PORT)}/window", trust_env=False).json()
    assert now["incarnation"] != killing.window["incarnation"]
    # The history is bounded: steps since the kill may have pushed out the oldest ones.
    known = [entry for entry in killing.window["entries"] if entry["counter"] >= oldest(now)]
    assert known
    assert [entry for entry in known if entry not in now["entries"]] == []


def test_a_killed_alertmanager_has_the_silences_of_its_peer(deployed: Deployed, killing: Killing):
    [killed] = killing.victims.intersection(pod_names(deployed, alertmanager.NAME))
    with alertmanager_of(deployed, killed) as api:
        assert killing.silence in [one.id for one in api.silences() if one.status.state == "active"]


@pytest.mark.parametrize("daemon", DAEMONS)
@pytest.mark.usefixtures("killing")
def test_pods_outlive_what_runs_them_and_it_then_starts_what_ended_meanwhile(
    deployed: Deployed, daemon: str
):
    before, file = containers(deployed), deployed.node.folder.processes / daemon
    process, victim = file.read_text(), pod_names(deployed, DAEMONS[daemon])[1]
    deployed.node.kill(daemon)
    kill(deployed, before, {victim})
    wait_for(lambda: file.read_text() != process, f"{daemon} runs again")
    wait_for(
        lambda: all_ready(deployed, before, restarted={victim}),
        f"what was killed while {daemon} was down runs again",
        LIMIT_SECONDS,
    )
    others = {place: one for place, one in containers(deployed).items() if place[0] != victim}
    assert others == {place: one for place, one in before.items() if place[0] != victim}


def containers(deployed: Deployed) -> dict[Place, Container]:
    found = running_containers(deployed.node, server_pods(deployed))
    return {(container.pod, container.name): container for container in found}


def kill(deployed: Deployed, running: Mapping[Place, Container], victims: Collection[str]) -> None:
    """Kill every program of the pods `victims`, all at once."""
    processes = [container.process for (pod, _), container in running.items() if pod in victims]
    deployed.node.run("kill", "-KILL", *processes)


def all_ready(
    deployed: Deployed, before: Mapping[Place, Container], *, restarted: Collection[str]
) -> bool:
    """Whether all pods are ready, and each container of the pods `restarted` has been restarted."""
    pods = server_pods(deployed)
    counts = {
        (pod["metadata"]["name"], status["name"]): status["restartCount"]
        for pod in pods
        for status in pod["status"]["containerStatuses"]
    }
    return all(map(is_ready, pods)) and all(
        counts.get(place, 0) > container.restarts
        for place, container in before.items()
        if place[0] in restarted
    )


def all_up(deployed: Deployed, *, since: float) -> bool:
    """Whether both replicas of Prometheus have scraped every target since then, successfully."""
    for replica in pod_names(deployed, prometheus.NAME):
        with prometheus_of(deployed, replica) as api:
            try:
                targets = api.targets()
            except ApiError:
                return False
        if not targets or not all(
            target.health == "up" and target.last_scrape.timestamp() > since for target in targets
        ):
            return False
    return True


def samples(deployed: Deployed, replica: str) -> Samples:
    """The samples of `up` of the last hour."""
    with prometheus_of(deployed, replica) as api:
        answer = api.call("POST", "/api/v1/query", data={"query": "up[1h]"})
        found = api.parse(list[Series], answer, "data", "result")
    return {str(sorted(series.metric.items())): dict(series.values) for series in found}


def longest_silence(values: Mapping[float, float], since: float) -> float:
    """The longest time between two successful scrapes; infinite if there were less than two."""
    moments = sorted(moment for moment, value in values.items() if value == 1 and moment > since)
    return max((after - before for before, after in pairwise(moments)), default=math.inf)


def prometheus_of(deployed: Deployed, pod: str) -> closing[Prometheus]:
    return closing(Prometheus(deployed.pod_url(pod, prometheus.SERVER.port)))


def alertmanager_of(deployed: Deployed, pod: str) -> closing[Alertmanager]:
    return closing(Alertmanager(deployed.pod_url(pod, alertmanager.SERVER.port)))


def silence_of_nothing() -> dict[str, Any]:
    """A silence for an alert that does not exist."""
    now = datetime.now(UTC)
    return {
        "matchers": [{"name": "alertname", "value": "NoSuchAlert", "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "a test",
        "comment": "It outlives its Alertmanager.",
    }


def volumes(deployed: Deployed) -> dict[str, str]:
    """The volume of each claim."""
    claims = deployed.objects("persistentvolumeclaims")
    return {claim["metadata"]["name"]: claim["spec"]["volumeName"] for claim in claims}


def oldest(window: Mapping[str, Any]) -> int:
    """The counter of the first step in a history."""
    return window["entries"][0]["counter"]
