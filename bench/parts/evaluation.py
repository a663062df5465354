"""How long the real Prometheus takes for the rules and the dashboards, and how that grows.

The series are made up, as many as a platform of that size has; rules, flags and dashboards are
those of the stack `local`. All groups are evaluated every few seconds, only so that the measurement
ends sooner: what one evaluation reads is the same, and they disturb each other more than deployed.
Panels are timed while groups are evaluated as often as deployed.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from bench.filled_prometheus import BenchPrometheus, count_samples, run_prometheus
from bench.panel_queries import measure_panels, panel_reaches
from bench.program import settings
from bench.results import Curve, Finding, Goal, Matrix, Row
from bench.synthetic_series import IN_HEAD, STEP, Plan, PlatformSize, rule_reaches
from components.prometheus import CONFIG_FILE
from ops.numbers import grafana_value
from problems import Problems
from stacks.capacity import MEMORY_PER_SERIES
from stacks.content import render_prometheus
from stacks.files import Files, read_files
from toolchain.base import UserError
from toolchain.stacks import LOCAL

PODS, TREATIES = (2, 100, 1_000, 10_000), (1, 100, 10_000)
FEW = 2
"""The pods beside many treaties, and the treaties beside many pods."""
LARGE = PlatformSize(pods=1_000, treaties=1_000)
SMOKE = PlatformSize(pods=FEW, treaties=FEW)
GOALS = {1_000: 1.0, 10_000: 3.0}
"""Seconds for a group of rules, by the largest number of pods or treaties."""
FEW_TOGETHER = 500
"""Pods and treaties below which a platform is small."""
QUICK, CALM = "2s", "5s"
"""How often groups of a small and of a large platform are evaluated."""
EVALUATIONS = 3
"""Evaluations of each group; their median counts."""
LONGEST = 300
"""Seconds to wait for them, on a busy machine."""
AHEAD = 10 * 60_000
"""Milliseconds for which the series go on."""
MEMORY_NOTE = (
    f"at its start it reads {(IN_HEAD + AHEAD) // 60_000} minutes of samples; before any query"
)
CURVES = 6
"""Groups that a picture shows: those that take longest at its largest size."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What all rules took: seconds by group, samples read, series in memory, peak memory."""

    seconds: Mapping[str, float]
    samples: int
    series: int
    peak_bytes: int

    @property
    def slowest(self) -> str:
        """The group that took longest."""
        return max(self.seconds, key=lambda group: self.seconds[group])


def measure(*, smoke: bool) -> Iterator[Finding]:
    """Rows for each size, curves, and the time of each dashboard's slowest query."""
    if smoke:
        evaluated = yield from _measure_size(SMOKE, with_panels=True)
        yield group_matrix({SMOKE: evaluated})
        return
    by_pods = {pods: PlatformSize(pods=pods, treaties=FEW) for pods in PODS}
    by_treaties = {treaties: PlatformSize(pods=FEW, treaties=treaties) for treaties in TREATIES}
    found: dict[PlatformSize, Evaluated] = {}
    for size in (*by_pods.values(), *by_treaties.values(), LARGE):
        found[size] = yield from _measure_size(size, with_panels=size == LARGE)
    yield memory_of_a_pod(by_pods[PODS[0]], by_pods[PODS[-1]], found)
    yield group_matrix(found)
    for what, sizes in (("pods", by_pods), ("treaties", by_treaties)):
        yield from curves(what, {number: found[size] for number, size in sizes.items()})


def _measure_size(size: PlatformSize, *, with_panels: bool) -> Generator[Row, None, Evaluated]:
    """Yield the lines of the table for a size and for dashboards. Returns what the rules took."""
    plan, files = _plan(size, with_panels=with_panels), _config_map()
    interval = QUICK if size.pods + size.treaties < FEW_TOGETHER else CALM
    with run_prometheus(plan, files, interval) as server:
        found = _evaluate(server)
        yield from rows(size, found)
        if with_panels:
            server.load(files, None)
            yield from measure_panels(server, _files().boards)
    return found


def group_matrix(found: Mapping[PlatformSize, Evaluated]) -> Matrix:
    """The seconds of every group, by size."""
    groups = next(iter(found.values())).seconds
    return Matrix(
        title="Seconds for each group of rules",
        header=["", *map(str, found)],
        rows=[
            [group, *(grafana_value(one.seconds[group], "s") for one in found.values())]
            for group in groups
        ],
    )


def rows(size: PlatformSize, found: Evaluated) -> Iterator[Row]:
    """The lines of the table for a size."""
    largest = max(size.pods, size.treaties)
    goal = next((goal for number, goal in GOALS.items() if largest <= number), None)
    yield Row(
        what=f"Slowest group of rules, {size}",
        value=found.seconds[found.slowest],
        unit="s",
        goal=Goal(comparison="<", limit=goal) if goal else None,
        note=found.slowest,
    )
    yield Row(what=f"Samples that one evaluation of all rules reads, {size}", value=found.samples)
    yield Row(
        what=f"Peak memory of Prometheus, {size}",
        value=found.peak_bytes,
        unit="bytes",
        note=MEMORY_NOTE,
    )


def memory_of_a_pod(
    few: PlatformSize, many: PlatformSize, found: Mapping[PlatformSize, Evaluated]
) -> Row:
    """The memory that a pod of ψ-Field adds, beside what a stack's memory is computed from.

    The memory that was measured is that of series with the samples of some minutes; scraping fills
    them up to MEMORY_PER_SERIES within hours.
    """
    pods = many.pods - few.pods
    series = (found[many].series - found[few].series) / pods
    return Row(
        what="Memory of Prometheus for one more pod of ψ-Field",
        value=(found[many].peak_bytes - found[few].peak_bytes) / pods,
        unit="bytes",
        beside="computed for its series, without headroom",
        beside_value=series * MEMORY_PER_SERIES,
        goal=Goal(comparison="≤", limit=1),
        note=f"{series:.0f} series a pod",
    )


def curves(what: str, found: Mapping[int, Evaluated]) -> Iterator[Curve]:
    """Seconds of the slowest groups, and memory, against the number of pods or treaties."""
    last = found[max(found)].seconds
    groups = sorted(last, key=lambda group: -last[group])[:CURVES]
    yield Curve(
        name=f"evaluation-seconds-{what}",
        title=f"Seconds for a group of rules by {what}",
        size=what,
        unit="s",
        lines={
            group: [(number, one.seconds[group]) for number, one in found.items()]
            for group in groups
        },
    )
    yield Curve(
        name=f"evaluation-memory-{what}",
        title=f"Memory of Prometheus by {what}: {MEMORY_NOTE}",
        size=what,
        unit="bytes",
        lines={"peak": [(number, one.peak_bytes) for number, one in found.items()]},
    )


def _plan(size: PlatformSize, *, with_panels: bool) -> Plan:
    """The series of a size, with the history that rules or panels read."""
    files = _files()
    reaches = rule_reaches(files.rulebook)
    if with_panels:
        panel_reaches(reaches, files.boards)
    return Plan(
        rulebook=files.rulebook,
        size=size,
        now=int(time.time() * 1000) // STEP * STEP,
        ahead=AHEAD,
        reaches=reaches,
    )


@cache
def _config_map() -> Mapping[str, str]:
    """The files of the ConfigMap of Prometheus in the stack `local`."""
    rulebook = _files().rulebook
    rules = rulebook.files({})
    config = render_prometheus(settings(LOCAL), rulebook, tuple(rules), Problems())
    return {CONFIG_FILE: config, **rules}


def _evaluate(server: BenchPrometheus) -> Evaluated:
    seconds, peak_bytes = _seconds_by_group(server), server.process.peak_bytes()
    samples = sum(_samples(server, rule) for group in _groups(server) for rule in group["rules"])
    return Evaluated(
        seconds=seconds,
        samples=samples,
        series=server.get("status/tsdb", limit=1)["headStats"]["numSeries"],
        peak_bytes=peak_bytes,
    )


def _groups(server: BenchPrometheus) -> Sequence[Mapping[str, Any]]:
    return server.get("rules", exclude_alerts="true")["groups"]


def _seconds_by_group(server: BenchPrometheus) -> dict[str, float]:
    """The median time of each group's evaluations. Raises UserError if a rule fails."""
    seen: dict[str, dict[str, float]] = {group["name"]: {} for group in _groups(server)}
    deadline = time.monotonic() + LONGEST
    while late := [name for name, times in seen.items() if len(times) < EVALUATIONS]:
        if time.monotonic() > deadline:
            raise UserError(f"not evaluated {EVALUATIONS} times in {LONGEST} s: {', '.join(late)}")
        time.sleep(1)
        for group in _groups(server):
            for rule in group["rules"]:
                if rule["health"] == "err":
                    raise UserError(f"rule {rule['name']} fails: {rule['lastError']}")
            if all(rule["health"] == "ok" for rule in group["rules"]):
                seen[group["name"]][group["lastEvaluation"]] = group["evaluationTime"]
    return {name: median(times.values()) for name, times in seen.items()}


def _samples(server: BenchPrometheus, rule: Mapping[str, Any]) -> int:
    """The samples that the rule's query reads. Raises UserError if it finds nothing.

    An alert finds nothing as long as it does not fire.
    """
    data = server.get("query", query=rule["query"], stats="all", limit=1)
    is_alert = rule["type"] == "alerting"
    return count_samples(rule["name"], rule["query"], data, may_find_nothing=is_alert)


@cache
def _files() -> Files:
    """The rules and dashboards of the stack `local`, which has no overrides."""
    rules, problems = settings(LOCAL).rules, Problems()
    return read_files(rules.overrides, rules.runbook_base_url, rules.slo_options, problems)
