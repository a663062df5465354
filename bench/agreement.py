"""How long the pods of a field disagree: from one pod's answer to a step until all others show it.

A pod pushes each step to its peers before it answers, so that most often they show it at once. The
measured time ends when the last pod's answer that shows the step has come: at least one look at
/window is part of it.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from statistics import quantiles
from typing import Any

import httpx

from bench.load import Target, attacking
from bench.results import Goal, Row
from bench.servers import Server, psi_pods, running

PODS = 4
CALLERS = 32
"""Callers that load the pods with steps of their own."""

AGREE_SECONDS = {0: 0.05, CALLERS: 0.5}
"""Goals for 1% of the steps, by the number of callers: PsiFieldPodDrift waits for minutes, but a
caller who looks at another pod right after a step should see it."""

FIRST_LOOK_SHARE = 0.99
GIVE_UP_SECONDS = 10


def measure(*, smoke: bool) -> Iterator[Row]:
    """Measure with pods at rest, then under load."""
    number, limit = (5, 2.0) if smoke else (200, 6.0)
    for callers, goal in AGREE_SECONDS.items():
        with running(psi_pods(PODS, "127.0.87")) as pods:
            targets = [Target(method="POST", url=f"{pod.url}/step", body=_step(0)) for pod in pods]
            busy = attacking(targets, seconds=limit + GIVE_UP_SECONDS, callers=callers)
            with busy if callers else nullcontext():
                found = _watch(pods, number, limit)
        yield from rows(found, callers, goal)


def rows(found: Sequence[tuple[float, bool]], callers: int, goal: float) -> Iterator[Row]:
    """The rows of what was found of each step: seconds, and whether the first look showed it."""
    cuts = quantiles([seconds for seconds, _ in found], n=100, method="inclusive")
    load = f"{PODS} pods, " + (f"{callers} callers" if callers else "at rest")
    what = "a step's answer until all other pods show it"
    yield Row(what=f"{what}, {load}: p50", value=cuts[49], unit="s", note=f"{len(found)} steps")
    yield Row(
        what=f"{what}, {load}: p99",
        value=cuts[98],
        unit="s",
        goal=Goal(comparison="≤", limit=goal),
    )
    yield Row(
        what=f"steps that all other pods show at the first look, {load}",
        value=sum(at_once for _, at_once in found) / len(found),
        unit="percentunit",
        goal=Goal(comparison="≥", limit=FIRST_LOOK_SHARE),
    )


def _watch(pods: Sequence[Server], number: int, limit: float) -> list[tuple[float, bool]]:
    """Take so many steps, or those of `limit` seconds, on the pods in turn."""
    deadline = time.monotonic() + limit
    found: list[tuple[float, bool]] = []
    with httpx.Client(trust_env=False, timeout=GIVE_UP_SECONDS) as http:
        while len(found) < 2 or (len(found) < number and time.monotonic() < deadline):
            turn = len(found) % len(pods)
            answer = http.post(f"{pods[turn].url}/step", json=_step(len(found)))
            answered = time.monotonic()
            step = answer.raise_for_status().json()["step"]
            others = [*pods[:turn], *pods[turn + 1 :]]
            looks = [_look_until_shown(http, pod, step, answered) for pod in others]
            found.append((time.monotonic() - answered, max(looks) == 1))
    return found


def _look_until_shown(
    http: httpx.Client, pod: Server, step: dict[str, Any], answered: float
) -> int:
    """The number of looks at the pod's history until it has the step, or a later past it."""
    looks = 0
    while time.monotonic() < answered + GIVE_UP_SECONDS:
        looks += 1
        entries = http.get(f"{pod.url}/window").raise_for_status().json()["entries"]
        if is_shown(step, entries):
            break
    return looks


def is_shown(step: dict[str, Any], entries: Sequence[dict[str, Any]]) -> bool:
    """Whether a history has the step, or begins after it: so many others have come since."""
    place = (step["counter"], step["pod"])
    places = [(entry["counter"], entry["pod"]) for entry in entries]
    return place in places or (bool(places) and step["counter"] < places[0][0])


def _step(number: int) -> dict[str, Any]:
    return {"x": [((number * 7 + place * 3) % 11 - 5) / 4 for place in range(16)]}
