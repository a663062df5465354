"""How long the pods of a field disagree: from one pod's answer to a step until all others show it.

A pod pushes each step to its peers before it answers, so that most often they show it at once. All
other pods are asked for /window at once, again and again. The time ends when the last answer that
shows the step has come, so it has at least one look in it: such a look alone stands beside it.
Before its answer, some pods have a step already and others have not: the whole time since the
caller sent it is no shorter than that.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

import httpx

from bench.load import Target, start_attack
from bench.measuring import seconds
from bench.results import Goal, Row
from bench.servers import Server, psi_pods, run_servers

PODS = 4
RATE = 100
"""Steps a second that load the pods. Their history has at least 64 steps: it keeps each of them for
half a second, which is long enough to see it."""

AGREE_SECONDS = {0: 0.05, RATE: 0.5}
"""Goals for 99% of the steps, by the rate of the load. PsiFieldPodDrift waits for minutes, but a
caller who looks at another pod right after a step should see it."""

FIRST_LOOK_SHARE = 0.99
GIVE_UP_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Sight:
    """When all other pods showed a step.

    `seconds` since its answer are GIVE_UP_SECONDS if a pod did not show it; `step_seconds` is the
    time until that answer. `at_once` says whether the first look at each pod showed it.
    `look_seconds` is the time of one more look at all.
    """

    seconds: float
    step_seconds: float
    at_once: bool
    look_seconds: float


def measure(*, smoke: bool) -> Iterator[Row]:
    """Measure with pods at rest, then under load."""
    number, limit = (5, 2.0) if smoke else (200, 6.0)
    for rate, goal in AGREE_SECONDS.items():
        with run_servers(psi_pods(PODS, "127.0.87")) as pods:
            targets = [Target(method="POST", url=f"{pod.url}/step", body=_step(0)) for pod in pods]
            load = start_attack(targets, seconds=limit + GIVE_UP_SECONDS, rate=rate)
            with load if rate else nullcontext():
                sights = _watch(pods, number, limit)
        yield from rows(sights, rate, goal)


def rows(sights: Sequence[Sight], rate: float, goal: float) -> Iterator[Row]:
    """The rows of what was seen of each step."""
    cuts = quantiles([sight.seconds for sight in sights], n=100, method="inclusive")
    whole = [sight.step_seconds + sight.seconds for sight in sights]
    load = f"{PODS} pods, " + (f"{rate:g} other steps a second" if rate else "at rest")
    what = "a step's answer until all other pods show it"
    yield Row(
        what=f"{what}, {load}: p50",
        value=cuts[49],
        unit="s",
        beside="a look at them alone",
        beside_value=median(sight.look_seconds for sight in sights),
        note=f"{len(sights)} steps",
    )
    yield Row(
        what=f"{what}, {load}: p99",
        value=cuts[98],
        unit="s",
        goal=Goal(comparison="≤", limit=goal),
    )
    yield Row(
        what=f"from sending a step until all other pods show it, {load}: p99",
        value=quantiles(whole, n=100, method="inclusive")[98],
        unit="s",
    )
    yield Row(
        what=f"steps that all other pods show at the first look, {load}",
        value=sum(sight.at_once for sight in sights) / len(sights),
        unit="percentunit",
        goal=Goal(comparison="≥", limit=FIRST_LOOK_SHARE),
    )


def _watch(pods: Sequence[Server], number: int, limit: float) -> list[Sight]:
    """Take so many steps, or those of `limit` seconds, on the pods in turn."""
    sights: list[Sight] = []
    with (
        httpx.Client(trust_env=False, timeout=GIVE_UP_SECONDS) as http,
        ThreadPoolExecutor(len(pods)) as pool,
    ):

        def look(pod: Server) -> list[dict[str, Any]]:
            return http.get(f"{pod.url}/window").raise_for_status().json()["entries"]

        # Connects to each pod before the first step.
        list(pool.map(look, pods))
        deadline = time.monotonic() + limit
        while len(sights) < 2 or (len(sights) < number and time.monotonic() < deadline):
            turn = len(sights) % len(pods)
            others = [*pods[:turn], *pods[turn + 1 :]]
            sent = time.monotonic()
            answer = http.post(f"{pods[turn].url}/step", json=_step(len(sights)))
            answered = time.monotonic()
            step = answer.raise_for_status().json()["step"]

            def find(pod: Server, step: dict[str, Any] = step, since: float = answered) -> int:
                return _count_looks(lambda: look(pod), step, since + GIVE_UP_SECONDS)

            looks = list(pool.map(find, others))
            took = time.monotonic() - answered
            sights.append(
                Sight(
                    seconds=took if all(looks) else GIVE_UP_SECONDS,
                    step_seconds=answered - sent,
                    at_once=set(looks) == {1},
                    look_seconds=seconds(lambda others=others: list(pool.map(look, others))),
                )
            )
    return sights


def _count_looks(
    look: Callable[[], Sequence[dict[str, Any]]], step: dict[str, Any], deadline: float
) -> int:
    """The looks at a pod's history until it has the step; 0 if it never did."""
    looks = 0
    while time.monotonic() < deadline:
        looks += 1
        entries = look()
        if is_shown(step, entries):
            return looks
        if is_past(step, entries):
            break
    return 0


def is_shown(step: dict[str, Any], entries: Sequence[dict[str, Any]]) -> bool:
    """Whether a history has the step."""
    return _place(step) in map(_place, entries)


def is_past(step: dict[str, Any], entries: Sequence[dict[str, Any]]) -> bool:
    """Whether a history begins after the step, which it then can't get any more."""
    return bool(entries) and _place(step) < _place(entries[0])


def _place(entry: dict[str, Any]) -> tuple[int, str]:
    return entry["counter"], entry["pod"]


def _step(number: int) -> dict[str, Any]:
    return {"x": [((number * 7 + place * 3) % 11 - 5) / 4 for place in range(16)]}
