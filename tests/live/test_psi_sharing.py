"""Real psi-field processes on loopback under load: what they share, and what their engines do."""

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.services.exposition import parse
from tests.support.services.psi_process import HTTP, Pod, psi_pods, start, vector
from tests.support.waiting import wait_for

CALLERS = 100
STEPS = 1500

ENGINE = """
import time
from services.psi_field.engine import FallbackPsiEngine

class PsiEngine:
    def __init__(self):
        self.fallback = FallbackPsiEngine()

    def step(self, x, apply_guardian):
        if x[0] == 100:
            raise SystemExit(3)
        end = time.perf_counter() + 0.005
        while time.perf_counter() < end:
            pass
        return self.fallback.step(x, apply_guardian)
"""


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[list[Pod]]:
    """Three pods that know of each other, not started yet."""
    with psi_pods(tmp_path, ["127.0.42.1", "127.0.42.2", "127.0.42.3"]) as found:
        yield found


def metric(pod: Pod, name: str) -> float | None:
    return parse(pod.get("/metrics").text).value(name)


def are_equal(*pods: Pod) -> bool:
    return (
        len({pod.get("/window").headers["etag"] for pod in pods})
        == 1
        == len({tuple(pod.metrics()) for pod in pods})
    )


async def post_steps(*pods: Pod) -> list[httpx.Response]:
    """Send STEPS steps to the pods in turn, CALLERS at a time."""
    numbers = iter(range(STEPS))
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=20, trust_env=False, limits=limits) as http:

        async def call() -> list[httpx.Response]:
            return [
                await http.post(f"{pods[number % len(pods)].url}/step", json={"x": vector(number)})
                for number in numbers
            ]

        answers = await asyncio.gather(*(call() for _ in range(CALLERS)))
    return [answer for some in answers for answer in some]


def test_pods_with_100_callers_at_once_neither_ignore_each_other_nor_drift(
    pods: list[Pod],
) -> None:
    one, two, _ = pods
    start(one, two, environment={"PSI_FIELD_PEERS": f"{one.host}:{one.port},{two.host}:{two.port}"})
    # While they started, one may have asked the other too early.
    starts = {pod.host: len(pod.log.read_text()) for pod in (one, two)}
    answers = asyncio.run(post_steps(one, two))
    assert {answer.status_code for answer in answers} <= {200, 503}
    taken = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(taken) > STEPS / 2
    assert not [answer for answer in taken if answer["at_risk"]]
    wait_for(lambda: are_equal(one, two), "equal steps and metrics")
    for pod in (one, two):
        assert metric(pod, "psi_field_pushes_missed_total") == 0
        assert metric(pod, "psi_field_peers") == 1
        assert "does not answer" not in pod.log.read_text()[starts[pod.host] :]
        wait_for(lambda pod=pod: metric(pod, "psi_field_steps_behind") == 0, "not behind")


def test_of_different_steps_under_one_key_at_three_pods_at_once_one_counts(
    pods: list[Pod],
) -> None:
    start(*pods)

    def post(number: int, key: str) -> int:
        headers = {"Idempotency-Key": key}
        url = f"{pods[number].url}/step"
        return HTTP.post(url, json={"x": vector(number)}, headers=headers).status_code

    with ThreadPoolExecutor(3) as callers:
        for attempt in range(10):
            codes = sorted(callers.map(post, range(3), [f"key-{attempt}"] * 3))
            assert codes[0] == 200
            assert {*codes[1:]} <= {409, 422}
    wait_for(lambda: are_equal(*pods), "equal steps and metrics")
    assert len(pods[0].get("/window").json()["entries"]) == 10


def test_a_pod_that_stops_gives_its_peer_the_steps_that_the_peer_missed(pods: list[Pod]) -> None:
    one, two, _ = pods
    peers = f"{one.host}:{one.port},{two.host}:{two.port}"
    # They never compare.
    start(one, two, environment={"PSI_FIELD_PEERS": peers, "PSI_FIELD_SYNC_SECONDS": "300"})
    two.process.send_signal(signal.SIGSTOP)
    try:
        answers = [one.step(number) for number in range(5)]
    finally:
        two.process.send_signal(signal.SIGCONT)
    assert [answer["at_risk"] for answer in answers] == [True] * 5
    kept = [answer["step"]["counter"] for answer in answers]
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(timeout=30) == 0
    assert [entry["counter"] for entry in two.get("/window").json()["entries"]] == kept


def test_a_killed_pod_and_a_late_one_leave_no_trace_in_the_field(pods: list[Pod]) -> None:
    one, two, late = pods
    start(one, two)
    with ThreadPoolExecutor(8) as callers:
        steps = callers.map(lambda number: one.step(number), range(60))
        two.kill()
        late.start()
        assert len(list(steps)) == 60
    wait_for(late.ready, "the late pod ready")
    late.step(61)
    wait_for(lambda: are_equal(one, late), "equal steps and metrics")


def test_a_slow_and_hostile_engine_neither_stops_health_nor_ends_the_pod(
    pods: list[Pod], tmp_path: Path
) -> None:
    one = pods[0]
    (tmp_path / "vaultmesh_psi.py").write_text(ENGINE)
    start(one, environment={"PSI_FIELD_PEERS": "", "PYTHONPATH": str(tmp_path)})
    bad = HTTP.post(f"{one.url}/step", json={"x": [100] * 16})
    assert (bad.status_code, bad.json()) == (
        500,
        {"error": "The engine failed; the field is as it was."},
    )
    with ThreadPoolExecutor(20) as callers:
        steps = [callers.submit(one.step, number) for number in range(200)]
        probes = 0
        while not all(step.done() for step in steps):
            assert one.get("/health").status_code == 200
            probes += 1
        assert {step.result()["engine"] for step in steps} == {"vaultmesh_psi"}
    # A step takes 5 ms in the engine. One probe a step would be one after the other.
    assert probes > len(steps)
    assert one.process.poll() is None
