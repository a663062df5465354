"""How large each stack is, computed from its settings, beside a running one and kube-prometheus."""

import statistics
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.edits import up
from bench.program import copy_of_the_program, run_live, settings
from bench.results import Finding, Goal, Matrix, Row
from components import grafana
from components.prometheus import INTERVAL
from ops.cost.command import read_prices
from ops.cost.use import samples_a_month
from ops.live.command import FASTEST
from ops.numbers import NOTHING, grafana_value
from ops.prometheus_api import Prometheus
from promql.durations import parse_duration
from quantities import amount
from stacks.capacity import (
    bytes_a_day,
    long_term_series,
    needed_memory,
    samples_a_second,
    series,
)
from stacks.quota import needed_quota
from stacks.settings.schema import Settings
from toolchain import stacks

STACKS = (stacks.LOCAL, "node", "staging", "production")
KUBE_PROMETHEUS = Path(__file__).with_name("kube_prometheus.yaml")
FEWEST, MOST = 0.95, 1.15
"""The computed series and samples are at least and at most this many times the real ones: a
workload counts as one with the most series."""
WINDOW_SECONDS = 10
_MANY = 100_000
"""Replicas beyond any answer, where the search ends."""
_APPENDED = "prometheus_tsdb_head_samples_appended_total"
_INTERVAL = "prometheus_target_interval_length_seconds"


@dataclass(frozen=True, kw_only=True)
class PlatformSize:
    """What all pods of a stack request, and what one replica of its Prometheus stores.

    `remote_write` is what Amazon Managed Prometheus costs for its samples, in USD a month, without
    replicas.
    """

    cores: float
    memory: float
    series: float
    samples_a_second: float
    bytes_a_day: float
    remote_write: float

    def cells(self) -> list[str]:
        """The size as texts, in the order of HEADER."""
        return [
            grafana_value(self.cores, "short"),
            grafana_value(self.memory, "bytes"),
            grafana_value(self.series, "short"),
            grafana_value(self.samples_a_second, "short"),
            grafana_value(self.bytes_a_day, "bytes"),
            f"{self.remote_write:.2f} USD" if self.remote_write else NOTHING,
        ]


HEADER = (
    "",
    "CPUs requested",
    "Memory requested",
    "Active series",
    "Samples a second",
    "Disk a day",
    "Remote write a month",
)


def measure(*, smoke: bool) -> Iterator[Finding]:
    """The sizes of all stacks, and how the smallest one compares with its run in `make live`."""
    yield sizes()
    production = settings("production")
    alone = production.model_copy(update={"workloads": {}, "cron_jobs": {}})
    yield from compare_with_kube_prometheus(size(production), size(alone), kube_prometheus())
    yield pods_within_memory(production)
    with copy_of_the_program() as root:
        up(root, stacks.LOCAL, {})
        with run_live(root, FASTEST) as prometheus:
            time.sleep(WINDOW_SECONDS)
            yield from compare_loads(stacks.LOCAL, "in `make live`", read_load(prometheus))


def sizes() -> Matrix:
    """The size of each stack, and of kube-prometheus."""
    found = {stack: size(settings(stack)) for stack in STACKS}
    found["kube-prometheus"] = kube_prometheus()
    rows = [[name, *one.cells()] for name, one in found.items()]
    return Matrix(title="Size of each stack", header=HEADER, rows=rows)


def size(found: Settings) -> PlatformSize:
    """The size of a stack with these settings, while nothing rolls out and every CronJob runs."""
    needed = needed_quota(found, rolling=False)
    rate = samples_a_second(found)
    return PlatformSize(
        cores=float(needed["cpu"]),
        memory=float(needed["memory"]),
        series=sum(series(found).values()),
        samples_a_second=rate,
        bytes_a_day=bytes_a_day(rate),
        remote_write=(
            remote_write_usd(long_term_series(found)) if found.has_long_term_store else 0
        ),
    )


def kube_prometheus() -> PlatformSize:
    """The size of kube-prometheus with its defaults, if all of its series were written."""
    given: Mapping[str, Any] = yaml.safe_load(KUBE_PROMETHEUS.read_text(encoding="utf-8"))
    rate = given["series"] / (parse_duration(given["interval"]) / 1000)
    pods = given["pods"].values()
    return PlatformSize(
        cores=sum(pod["replicas"] * amount(pod["cpu"]) for pod in pods),
        memory=sum(pod["replicas"] * amount(pod["memory"]) for pod in pods),
        series=given["series"],
        samples_a_second=rate,
        bytes_a_day=bytes_a_day(rate),
        remote_write=remote_write_usd(given["series"]),
    )


def remote_write_usd(active: float) -> float:
    """USD a month for the samples of so many active series in Amazon Managed Prometheus."""
    prices = read_prices()
    price = prices["prices"]["written_samples"]
    samples = samples_a_month(active, prices["hours_a_month"], prices["assumed"])
    return samples / price["divisor"] * price["usd"]


def compare_with_kube_prometheus(
    ours: PlatformSize, alone: PlatformSize, theirs: PlatformSize
) -> Iterator[Row]:
    """Production beside kube-prometheus with its defaults; `alone` is production's own servers.

    Remote write is compared as if each wrote all series; the table of sizes has what is written.
    """
    for what, mine, other, unit, note in (
        ("CPUs requested by its servers", alone.cores, theirs.cores, "short", ""),
        ("memory requested by its servers", alone.memory, theirs.memory, "bytes", ""),
        ("active series", ours.series, theirs.series, "short", "theirs are of a whole cluster"),
        (
            "USD a month to write all series to Amazon Managed Prometheus",
            remote_write_usd(ours.series),
            theirs.remote_write,
            "short",
            f"ours writes some of them, for {ours.remote_write:.2f} USD",
        ),
    ):
        yield Row(
            what=f"production: {what}",
            value=mine,
            unit=unit,
            beside="kube-prometheus on 3 nodes",
            beside_value=other,
            note=note,
        )


def pods_within_memory(found: Settings, workload: str = "psi-field") -> Row:
    """The most replicas whose series fit the memory that Prometheus requests, with headroom.

    The quota and the disk limit them earlier.
    """

    def needed(replicas: int) -> int:
        more = found.workloads[workload].model_copy(update={"replicas": replicas})
        workloads = {**found.workloads, workload: more}
        return needed_memory(found.model_copy(update={"workloads": workloads}))

    memory = found.prometheus.resources.memory
    return Row(
        what=f"production: most replicas of {workload} whose series fit Prometheus' memory",
        value=bisect_right(range(_MANY), amount(memory) // 2**20, key=needed) - 1,
        note=f"it requests {memory}; with the headroom that preview asks for",
    )


def expected_load(
    found: Settings, left_out: Sequence[str] = (grafana.NAME,)
) -> tuple[float, float]:
    """The series, and the samples a second, of a run that leaves these workloads out."""
    active = sum(count for job, count in series(found).items() if job not in left_out)
    return active, active / sum(series(found).values()) * samples_a_second(found)


def read_load(prometheus: Prometheus, window: int = WINDOW_SECONDS) -> tuple[float, float]:
    """The series, and the samples a second in a window in seconds, of a replica at any speed.

    A scrape that comes late on a busy machine counts as if it had come in time.
    """
    over = f"[{window}s]"
    length = f"rate({_INTERVAL}_sum{over}) / rate({_INTERVAL}_count{over})"
    stored = f"sum by (instance) (rate({_APPENDED}{over})) * scalar(avg({length}))"
    active, samples = (
        statistics.fmean(sample.value[1] for sample in prometheus.query(query))
        for query in ("prometheus_tsdb_head_series", stored)
    )
    return active, samples / (parse_duration(INTERVAL) / 1000)


def compare_loads(stack: str, where: str, real: tuple[float, float]) -> list[Row]:
    """What is computed for the stack, without Grafana, beside what was measured."""
    ours = expected_load(settings(stack))
    return [
        Row(
            what=f"{stack}: {what}, computed",
            value=mine,
            beside=f"measured {where}",
            beside_value=theirs,
            goal=Goal(comparison="≥", limit=FEWEST, most=MOST),
            note="without Grafana, which no package registry offers: its series are an estimate",
        )
        for what, mine, theirs in zip(
            ("active series", "samples a second"), ours, real, strict=True
        )
    ]
