"""What the services take: /step with more and more pods, the treaty, and scrapes.

/step is measured in turns with a bare endpoint on the same server program. All of it shares the
machine's cores with the load generator: the CPU time a request says what a pod would need.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench import agreement
from bench.load import Load, Target, attack, attacking
from bench.measuring import in_turns
from bench.results import Curve, Finding, Goal, Row
from bench.servers import Server, bare, psi_pods, running, service

PODS = (1, 2, 4, 8)
CALLERS = 32
MANY_CALLERS = 100
"""Callers that overload every service."""

LEAST_SHARE = {1: 0.25, 2: 0.15}
"""Goals: the share of the bare endpoint's rate that so many pods keep."""

GENERATOR_SHARE = 1
"""Goal: the CPU time that the load generator takes for a request, by the bare endpoint's. Up to it,
a server that runs on one core is busy before a generator that runs on another."""

PROBE_SECONDS = 0.05
"""Goal: how late 1% of the answers of /health may be under overload. A probe waits for 1 s."""

SCRAPE_SECONDS = 0.1
"""Goal for 1% of the scrapes. Prometheus would wait for 10 s."""
PROBE_RATE = 20
"""Probes or scrapes a second: far more than the kubelet or Prometheus send."""
VECTOR = [round(-0.8 + number / 10, 1) for number in range(16)]
STEP = {"x": VECTOR, "apply_guardian": False}
REQUEST = {"payload": {"n": 1}, "provenance": "bench"}


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A load, and the CPU time of the servers for each request of it."""

    load: Load
    cpu_seconds: float


def steps(servers: Sequence[Server]) -> list[Target]:
    """A step for each pod."""
    return [Target(method="POST", url=f"{server.url}/step", body=STEP) for server in servers]


def measure(*, smoke: bool) -> Iterator[Finding]:
    """Measure; with `smoke`, one and two pods, and each load for a moment."""
    rounds, seconds = (1, 0.2) if smoke else (3, 1.0)
    yield from _measure_steps(PODS[:2] if smoke else PODS, rounds, seconds)
    yield from _measure_treaty(rounds, seconds)
    for callers in (CALLERS, MANY_CALLERS):
        yield _measure_probes(callers, 0.5 if smoke else 4)
    yield from _measure_scrapes(0.5 if smoke else 4)
    yield from agreement.measure(smoke=smoke)


def take_turn(servers: Sequence[Server], targets: Sequence[Target], seconds: float) -> Turn:
    """Load the servers for a moment."""
    before = _cpu_seconds(servers)
    load = attack(targets, seconds=seconds, callers=CALLERS)
    return Turn(load=load, cpu_seconds=(_cpu_seconds(servers) - before) / load.requests)


def compare(
    what: str, ours: Sequence[Turn], theirs: Sequence[Turn], least: float | None
) -> list[Row]:
    """The rows of what was measured in turns with the bare endpoint."""

    def row(name: str, unit: str, value: Callable[[Turn], float], **more: Any) -> Row:
        return Row(
            what=f"{what}: {name}",
            value=median(map(value, ours)),
            unit=unit,
            beside="bare Starlette",
            beside_value=median(map(value, theirs)),
            **more,
        )

    goal = Goal(comparison="≥", limit=least) if least else None
    note = f"{CALLERS} callers; they and the servers share {os.cpu_count()} cores"
    return [
        row("answers", "reqps", lambda turn: turn.load.rate, goal=goal, note=note),
        row("CPU time a request, of all pods", "s", lambda turn: turn.cpu_seconds),
        row("answer time p50", "s", lambda turn: turn.load.p50),
        row("answer time p99", "s", lambda turn: turn.load.p99),
    ]


def _measure_steps(pods: Sequence[int], rounds: int, seconds: float) -> Iterator[Finding]:
    cost: dict[int, float] = {}
    bare_cost: dict[int, float] = {}
    for number in pods:
        with running([bare("127.0.84.1"), *psi_pods(number, "127.0.85")]) as [other, *field]:
            theirs, ours = in_turns(
                rounds,
                lambda other=other: take_turn([other], steps([other]), seconds),
                lambda field=field: take_turn(field, steps(field), seconds),
            )
        if number == pods[0]:
            yield _generator_row(theirs)
        what = f"/step, {number} pod{'s' if number > 1 else ''}"
        rows = compare(what, ours, theirs, LEAST_SHARE.get(number))
        yield from rows
        cost[number] = rows[1].value
        bare_cost[number] = rows[1].beside_value or 0
    yield Curve(
        name="step-cost",
        title="CPU time a step, of all pods",
        size="pods",
        unit="s",
        lines={"psi-field": [*cost.items()], "bare Starlette": [*bare_cost.items()]},
    )


def _generator_row(bare_turns: Sequence[Turn]) -> Row:
    return Row(
        what="load generator: CPU time a request",
        value=median(turn.load.cpu_seconds / turn.load.requests for turn in bare_turns),
        unit="s",
        beside="bare Starlette",
        beside_value=median(turn.cpu_seconds for turn in bare_turns),
        goal=Goal(comparison="≤", limit=GENERATOR_SHARE),
    )


def _measure_treaty(rounds: int, seconds: float) -> Iterator[Row]:
    programs = [bare("127.0.84.1"), service("treaty", "127.0.86.1")]
    with running(programs) as [other, treaty]:
        request = Target(method="POST", url=f"{treaty.url}/requests", body=REQUEST)
        theirs, ours = in_turns(
            rounds,
            lambda: take_turn([other], steps([other]), seconds),
            lambda: take_turn([treaty], [request], seconds),
        )
    yield from compare("treaty", ours, theirs, least=None)


def _measure_probes(callers: int, seconds: float) -> Row:
    with running(psi_pods(1, "127.0.85")) as [pod]:
        probe = Target(method="GET", url=f"{pod.url}/health")
        with (
            attacking(steps([pod]), seconds=seconds + 5, callers=callers),
            attacking([probe], seconds=seconds, rate=PROBE_RATE) as wait,
        ):
            load = wait()
    return Row(
        what=f"/health while {callers} callers take steps: answer time p99",
        value=load.p99,
        unit="s",
        goal=Goal(comparison="≤", limit=PROBE_SECONDS),
        note=f"p50 {1000 * load.p50:.1f} ms; 1 pod",
    )


def _measure_scrapes(seconds: float) -> Iterator[Row]:
    with running(psi_pods(1, "127.0.85")) as [pod]:
        scrape = [Target(method="GET", url=f"{pod.url}/metrics")]
        idle = attack(steps([pod]), seconds=seconds / 4, callers=1)
        yield Row(what="a step of one caller alone: answer time p50", value=idle.p50, unit="s")
        before = pod.cpu_seconds()
        alone = attack(scrape, seconds=seconds / 2, callers=1)
        yield Row(
            what="/metrics of psi-field: CPU time a scrape",
            value=(pod.cpu_seconds() - before) / alone.requests,
            unit="s",
        )
        for callers in (0, CALLERS):
            busy = attacking(steps([pod]), seconds=seconds + 5, callers=callers)
            with (
                busy if callers else nullcontext(),
                attacking(scrape, seconds=seconds, rate=PROBE_RATE) as wait,
            ):
                load = wait()
            yield Row(
                what=f"/metrics of psi-field, {callers or 'no'} callers take steps: scrape p99",
                value=load.p99,
                unit="s",
                goal=Goal(comparison="≤", limit=SCRAPE_SECONDS),
                note=f"p50 {1000 * load.p50:.1f} ms; {PROBE_RATE} scrapes a second",
            )


def _cpu_seconds(servers: Sequence[Server]) -> float:
    return sum(server.cpu_seconds() for server in servers)
