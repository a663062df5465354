"""What the services take: /step with more and more pods, the treaty, and scrapes.

/step is measured in turns with a bare endpoint on the same server program. All of it shares the
machine's cores with the load generator: the CPU time a request says what a pod would need.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench import agreement
from bench.load import Load, Target, attack, start_attack
from bench.measuring import in_turns, measured_row
from bench.results import Curve, Finding, Goal, Row
from bench.servers import Server, bare_endpoint, psi_pods, run_servers, service_pod

PODS = (1, 2, 4, 8)
CALLERS = 32
TOO_MANY_CALLERS = 200
"""Callers that overload a pod which takes FEW_UNDER_WAY steps at once. With the probes they stay
below its 256 connections."""
FEW_UNDER_WAY = 16
"""Steps that the overloaded pod takes at once, instead of 128: two cores bring no 128 under way."""
LEAST_REFUSED = 0.01
"""Goal: the overloaded pod does refuse some steps."""

LEAST_SHARE = {1: 0.25, 2: 0.15}
"""Goals: the share of the bare endpoint's rate that so many pods keep. More of them share the cores
with each other, so that their rate tells more about the machine."""

MOST_COST = 3
"""Goal: in each pod, a step takes no more CPU time than so many bare requests: one that brings the
step, one that passes it on, and the computation of the field. So the whole is linear in pods."""

LATE_SECONDS = 0.25
"""Goal: 99% of the steps that arrive at STEP_RATE take no longer, as the objective in
rules/slos/psi-step-latency.yaml says."""
STEP_RATE = 50
"""Steps a second, of all pods: far from what eight pods take on two cores."""
WARM_UP_SECONDS = 0.3
"""Load before the turns, which opens connections and fills the history of the field."""

GENERATOR_SHARE = 1
"""Goal: the load generator takes no more CPU time for a request than the bare endpoint. Then a
server on one core reaches its limit before the generator on another core does."""

PROBE_SECONDS = 0.05
"""Goal: 99% of the answers of /health take no longer under load. A probe waits for 1 s."""

SCRAPE_SECONDS = 0.1
"""Goal: 99% of the scrapes take no longer. Prometheus would wait for 10 s."""
PROBE_RATE = 100
"""Probes or scrapes a second: far more than the kubelet or Prometheus send."""
PROBED_SECONDS = 10
"""With PROBE_RATE, 1,000 probes: ten of them are later than their p99."""
VECTOR = [round(-0.8 + number / 10, 1) for number in range(16)]
STEP = {"x": VECTOR, "apply_guardian": False}
REQUEST = {"payload": {"n": 1}, "provenance": "bench"}


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A load, and the CPU time of the servers for each of its successful requests."""

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
    probed = 0.5 if smoke else PROBED_SECONDS
    yield from _measure_probes(CALLERS, probed)
    yield from _measure_probes(TOO_MANY_CALLERS, probed, FEW_UNDER_WAY)
    yield from _measure_scrapes(probed)
    yield from agreement.measure(smoke=smoke)


def take_turn(servers: Sequence[Server], targets: Sequence[Target], seconds: float) -> Turn:
    """Load the servers for a moment."""
    before = _cpu_seconds(servers)
    load = attack(targets, seconds=seconds, callers=CALLERS)
    return Turn(load=load, cpu_seconds=(_cpu_seconds(servers) - before) / load.succeeded)


def compare(
    what: str,
    ours: Sequence[Turn],
    theirs: Sequence[Turn],
    *,
    least_rate: float | None = None,
    most_cost: float | None = None,
) -> list[Row]:
    """The rows of what was measured in turns with the bare endpoint; the goals are ratios."""

    def row(name: str, unit: str, value: Callable[[Turn], float], **more: Any) -> Row:
        return measured_row(
            [*map(value, ours)],
            [*map(value, theirs)],
            what=f"{what}: {name}",
            unit=unit,
            beside="bare Starlette",
            **more,
        )

    rate = Goal(comparison="≥", limit=least_rate) if least_rate else None
    cost = Goal(comparison="≤", limit=most_cost) if most_cost else None
    note = f"{CALLERS} callers; they and the servers share {os.cpu_count()} cores"
    queue = f"each of {CALLERS} callers asks again at once, so most of it is their queue"
    return [
        row("answers", "reqps", lambda turn: turn.load.rate, goal=rate, note=note),
        row("CPU time a request, of all pods", "s", lambda turn: turn.cpu_seconds, goal=cost),
        row("answer time p50", "s", lambda turn: turn.load.p50, note=queue),
        row("answer time p99", "s", lambda turn: turn.load.p99, note=queue),
        _success_row(f"{what} and bare Starlette", *(turn.load for turn in (*ours, *theirs))),
    ]


def _success_row(what: str, *loads: Load) -> Row:
    return Row(
        what=f"{what}: requests that succeed",
        value=min(load.success_share for load in loads),
        unit="percentunit",
        goal=Goal(comparison="≥", limit=1),
        note=f"of {sum(load.requests for load in loads)} requests; the worst load",
    )


def _measure_steps(pods: Sequence[int], rounds: int, seconds: float) -> Iterator[Finding]:
    cost: dict[int, float] = {}
    bare_cost: dict[int, float] = {}
    for number in pods:
        with run_servers([bare_endpoint("127.0.84.1"), *psi_pods(number, "127.0.85")]) as [
            other,
            *field,
        ]:
            theirs, ours = _compare_in_turns(
                rounds, seconds, ([other], steps([other])), (field, steps(field))
            )
            calm = _send_at_rate(steps(field), 3 * seconds, STEP_RATE)
        if number == pods[0]:
            yield _generator_row(theirs)
        what = f"/step, {number} pod{'s' if number > 1 else ''}"
        rows = compare(
            *(what, ours, theirs),
            least_rate=LEAST_SHARE.get(number),
            most_cost=MOST_COST * number,
        )
        yield from rows
        yield _late_row(f"{what}, {STEP_RATE} steps a second", calm, LATE_SECONDS)
        cost[number] = rows[1].value
        bare_cost[number] = rows[1].beside_value or 0
    yield Curve(
        name="step-cost",
        title="CPU time a step, of all pods",
        size="pods",
        unit="s",
        lines={
            "psi-field": [*cost.items()],
            f"goal: {MOST_COST} bare requests a pod": [
                (number, MOST_COST * number * bare) for number, bare in bare_cost.items()
            ],
            "bare Starlette": [*bare_cost.items()],
        },
    )


def _compare_in_turns(
    rounds: int, seconds: float, *sides: tuple[Sequence[Server], Sequence[Target]]
) -> list[list[Turn]]:
    for servers, targets in sides:
        take_turn(servers, targets, min(seconds, WARM_UP_SECONDS))
    return in_turns(rounds, *(partial(take_turn, *side, seconds) for side in sides))


def _generator_row(bare_turns: Sequence[Turn]) -> Row:
    return measured_row(
        [turn.load.cpu_seconds / turn.load.requests for turn in bare_turns],
        [turn.cpu_seconds for turn in bare_turns],
        what="load generator: CPU time a request",
        unit="s",
        beside="bare Starlette",
        goal=Goal(comparison="≤", limit=GENERATOR_SHARE),
    )


def _measure_treaty(rounds: int, seconds: float) -> Iterator[Row]:
    programs = [bare_endpoint("127.0.84.1"), service_pod("treaty", "127.0.86.1")]
    with run_servers(programs) as [other, treaty]:
        request = Target(method="POST", url=f"{treaty.url}/requests", body=REQUEST)
        theirs, ours = _compare_in_turns(
            rounds, seconds, ([other], steps([other])), ([treaty], [request])
        )
    yield from compare("treaty", ours, theirs)


def _measure_probes(callers: int, seconds: float, under_way: int | None = None) -> Iterator[Row]:
    limit = {"PSI_FIELD_MAX_CONCURRENT": str(under_way)} if under_way else {}
    with (
        run_servers(psi_pods(1, "127.0.85", **limit)) as [pod],
        start_attack(steps([pod]), seconds=seconds, callers=callers) as wait_for_steps,
    ):
        probes = _send_at_rate(_get(pod, "/health"), seconds, PROBE_RATE)
        refused = 1 - wait_for_steps().success_share
    what = f"/health while {callers} callers take steps"
    what += f", {under_way} at once" if under_way else ""
    yield _late_row(what, probes, PROBE_SECONDS)
    yield _success_row(what, probes)
    if under_way:
        goal = Goal(comparison="≥", limit=LEAST_REFUSED)
        what = f"{what}: steps that are refused"
        yield Row(what=what, value=refused, unit="percentunit", goal=goal)


def _measure_scrapes(seconds: float) -> Iterator[Row]:
    with run_servers(psi_pods(1, "127.0.85")) as [pod]:
        scrape = _get(pod, "/metrics")
        idle = attack(steps([pod]), seconds=seconds / 10, callers=1)
        yield Row(what="a step of one caller alone: answer time p50", value=idle.p50, unit="s")
        before = pod.cpu_seconds()
        alone = attack(scrape, seconds=seconds / 5, callers=1)
        yield Row(
            what="/metrics of psi-field: CPU time a scrape",
            value=(pod.cpu_seconds() - before) / alone.succeeded,
            unit="s",
        )
        for callers in (0, CALLERS):
            busy = start_attack(steps([pod]), seconds=seconds, callers=callers)
            with busy if callers else nullcontext():
                scrapes = _send_at_rate(scrape, seconds, PROBE_RATE)
            what = f"/metrics of psi-field while {callers or 'no'} callers take steps"
            yield _late_row(what, scrapes, SCRAPE_SECONDS, "1 pod")
            yield _success_row(what, scrapes)


def _get(pod: Server, path: str) -> list[Target]:
    return [Target(method="GET", url=f"{pod.url}{path}")]


def _send_at_rate(targets: Sequence[Target], seconds: float, rate: float) -> Load:
    """Send requests on time, however long the answers to those before take."""
    with start_attack(targets, seconds=seconds, rate=rate) as wait:
        return wait()


def _late_row(what: str, load: Load, limit: float, note: str = "") -> Row:
    notes = (f"p50 {1000 * load.p50:.1f} ms", f"{load.requests} requests", note)
    return Row(
        what=f"{what}: answer time p99",
        value=load.p99,
        unit="s",
        goal=Goal(comparison="≤", limit=limit),
        note="; ".join(filter(None, notes)),
    )


def _cpu_seconds(servers: Sequence[Server]) -> float:
    return sum(server.cpu_seconds() for server in servers)
