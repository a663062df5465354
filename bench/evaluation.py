"""How long the real Prometheus takes for the rules and the dashboards, and how that grows.

The series are made up, as many as a platform of that size has; rules, flags and dashboards are
those of the stack `local`. Groups are evaluated every few seconds instead of every 30, only so that
the measurement ends sooner: what one evaluation reads is the same.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from bench.filled_prometheus import Server, serve
from bench.panel_queries import measure_panels, panel_reaches
from bench.results import Curve, Finding, Goal, Row
from bench.synthetic_series import STEP, Plan, Size, rule_reaches
from problems import Problems
from quantities import amount
from stacks.capacity import MEMORY_PER_SERIES
from stacks.content import render_prometheus
from stacks.files import ROOT, Files, read_files
from stacks.settings.layers import merged
from stacks.settings.schema import Settings
from toolchain.base import UserError

PODS, TREATIES = (2, 100, 1_000, 10_000), (1, 100, 10_000)
FEW = 2
"""The pods beside many treaties, and the treaties beside many pods."""
LARGE = Size(pods=1_000, treaties=1_000)
SMOKE = Size(pods=FEW, treaties=FEW)
GOALS = {1_000: 1.0, 10_000: 3.0}
"""Seconds for a group of rules, by the largest number of pods or treaties."""
QUICK, CALM = "2s", "5s"
"""How often groups are evaluated, of few and of many series."""
EVALUATIONS = 3
"""Evaluations of each group; their median counts."""
LONGEST = 300
"""Seconds to wait for them, on a busy machine."""
AHEAD = 10 * 60_000
"""Milliseconds for which the series go on."""
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
        with _running(SMOKE, with_panels=True) as server:
            yield from rows(SMOKE, _evaluate(server))
            yield from measure_panels(server, _files().boards)
        return
    by_pods = {pods: Size(pods=pods, treaties=FEW) for pods in PODS}
    by_treaties = {treaties: Size(pods=FEW, treaties=treaties) for treaties in TREATIES}
    found: dict[Size, Evaluated] = {}
    for size in (*by_pods.values(), *by_treaties.values(), LARGE):
        with _running(size, with_panels=size == LARGE) as server:
            found[size] = _evaluate(server)
            yield from rows(size, found[size])
            if size == LARGE:
                yield from measure_panels(server, _files().boards)
    few, many = (Size(pods=pods, treaties=FEW) for pods in (PODS[0], PODS[-1]))
    yield carried(few, many, found, _memory_limit())
    for what, sizes in (("pods", by_pods), ("treaties", by_treaties)):
        yield from curves(what, {number: found[size] for number, size in sizes.items()})


def rows(size: Size, found: Evaluated) -> Iterator[Row]:
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
    yield Row(what=f"Samples that all rules read, {size}", value=found.samples)
    yield Row(what=f"Peak memory of Prometheus, {size}", value=found.peak_bytes, unit="bytes")


def carried(few: Size, many: Size, found: Mapping[Size, Evaluated], limit: int) -> Row:
    """How many pods of ψ-Field fit the memory limit.

    The memory that was measured is that of series with the samples of some minutes; scraping fills
    them up to MEMORY_PER_SERIES within hours.
    """
    pods = many.pods - few.pods
    series = (found[many].series - found[few].series) / pods
    measured = (found[many].peak_bytes - found[few].peak_bytes) / pods
    each = max(measured, series * MEMORY_PER_SERIES)
    return Row(
        what="Pods of ψ-Field that one Prometheus of production carries",
        value=few.pods + (limit - found[few].peak_bytes) // each,
        note=f"{limit / 2**20:,.0f} MiB; {series:.0f} series and {each / 2**10:,.0f} KiB a pod",
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
        title=f"Memory of Prometheus by {what}",
        size=what,
        unit="bytes",
        lines={"peak": [(number, one.peak_bytes) for number, one in found.items()]},
    )


def _running(size: Size, *, with_panels: bool) -> AbstractContextManager[Server]:
    """A Prometheus on the series of a size, with the history that rules or panels read."""
    files, settings = _files(), _settings("local")
    reaches = rule_reaches(files.rulebook)
    if with_panels:
        panel_reaches(reaches, files.boards)
    plan = Plan(
        rulebook=files.rulebook,
        size=size,
        now=int(time.time() * 1000) // STEP * STEP,
        ahead=AHEAD,
        reaches=reaches,
    )
    rules = files.rulebook.files({})
    config = {"prometheus.yml": render_prometheus(settings, files.rulebook, tuple(rules))}
    return serve(
        plan, {**config, **rules}, interval="2s" if size.pods + size.treaties < 500 else "5s"
    )


def _evaluate(server: Server) -> Evaluated:
    seconds = _seconds_by_group(server)
    samples = sum(_samples(server, rule) for group in _groups(server) for rule in group["rules"])
    return Evaluated(
        seconds=seconds,
        samples=samples,
        series=server.get("status/tsdb", limit=1)["headStats"]["numSeries"],
        peak_bytes=server.peak_bytes,
    )


def _groups(server: Server) -> Sequence[Mapping[str, Any]]:
    return server.get("rules", exclude_alerts="true")["groups"]


def _seconds_by_group(server: Server) -> dict[str, float]:
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


def _samples(server: Server, rule: Mapping[str, Any]) -> int:
    """The samples that the rule's query reads."""
    answer = server.get("query", query=rule["query"], stats="all", limit=1)
    return answer["stats"]["samples"]["totalQueryableSamples"]


@cache
def _files() -> Files:
    """The rules and dashboards of the stack `local`, which has no overrides."""
    rules, problems = _settings("local").rules, Problems()
    return read_files(rules.overrides, rules.runbook_base_url, rules.slo_options, problems)


@cache
def _settings(stack: str) -> Settings:
    """The settings of a stack, as its file and Pulumi.yaml say."""

    def config(file: Path) -> Mapping[str, Any]:
        return yaml.safe_load(file.read_text(encoding="utf-8"))["config"]

    shared = config(ROOT / "Pulumi.yaml")["shared"]["default"]
    own = config(ROOT / f"Pulumi.{stack}.yaml")["vaultmesh:settings"]
    return Settings.model_validate(merged(shared, own), by_name=False)


def _memory_limit() -> int:
    """The bytes of memory that the Prometheus of production may use."""
    return int(amount(_settings("production").prometheus.resources.memory_limit))
