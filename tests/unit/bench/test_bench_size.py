"""The arithmetic of sizes: series, samples, disk, requests and what remote write costs."""

from dataclasses import replace

import pytest

from bench.parts.size import (
    STACKS,
    compare_loads,
    compare_with_kube_prometheus,
    expected_load,
    kube_prometheus,
    pods_within_memory,
    remote_write_usd,
    settings,
    size,
    sizes,
)
from problems import Problems
from stacks.capacity import check_capacity
from tests.support.recording import ROOT
from tests.support.recording import STACKS as ALL_STACKS

OPERATIONS = ROOT / "docs/operations.md"


def test_every_stack_has_its_size() -> None:
    assert sorted(STACKS) == sorted(ALL_STACKS)


def test_writing_a_thousand_series_for_a_month_costs_what_aws_says() -> None:
    # A sample every 30 s for 730 hours, at 0.90 USD for 10 million.
    assert remote_write_usd(1000) == pytest.approx(1000 * 730 * 120 / 1e7 * 0.90)


def test_only_stacks_with_a_long_term_store_pay_for_it() -> None:
    assert [stack for stack in STACKS if size(settings(stack)).remote_write] == [
        "staging",
        "production",
    ]


def test_kube_prometheus_is_the_sum_of_its_pods() -> None:
    theirs = kube_prometheus()
    millicores = 3 * 4 + 100 + 40 + 2 * 102 + 110 + 30 + 3 * 112
    assert theirs.cores == pytest.approx(millicores / 1000)
    mebibytes = 2 * 400 + 3 * 100 + 100 + 230 + 2 * 180 + 120 + 60 + 3 * 200
    assert theirs.memory == mebibytes * 2**20
    assert theirs.samples_a_second == pytest.approx(40_000 / 30)
    assert theirs.bytes_a_day == pytest.approx(40_000 * 2880 * 2)


def test_production_stands_beside_kube_prometheus_in_each_unit() -> None:
    theirs = kube_prometheus()
    ours = replace(theirs, series=theirs.series / 4, remote_write=1)
    alone = replace(theirs, cores=theirs.cores * 2)
    rows = compare_with_kube_prometheus(ours, alone, theirs)
    assert [row.ratio for row in rows] == [2, 1, 0.25, pytest.approx(0.25)]


def test_the_memory_holds_as_many_pods_as_the_table_says_and_no_more() -> None:
    production = settings("production")

    def refuses(replicas: float) -> bool:
        problems = Problems()
        psi = production.workloads["psi-field"].model_copy(update={"replicas": int(replicas)})
        workloads = {**production.workloads, "psi-field": psi}
        check_capacity(production.model_copy(update={"workloads": workloads}), problems)
        return any("resources.memory" in line for line in problems.lines())

    most = pods_within_memory(production).value
    assert (refuses(most), refuses(most + 1)) == (False, True)
    assert f"hold the series of {most:.0f} pods" in OPERATIONS.read_text(encoding="utf-8")


def test_what_a_run_leaves_out_is_not_computed_for_it() -> None:
    found = settings("local")
    (everything, samples), (rest, fewer) = expected_load(found, ()), expected_load(found)
    assert everything - rest == 2005, "Grafana's 2,000 and the five of its target"
    assert fewer / samples == pytest.approx(rest / everything)


def test_a_computed_size_may_not_be_far_from_the_real_one() -> None:
    series, samples = expected_load(settings("local"))
    rows = compare_loads("local", "here", (series / 0.96, samples / 0.94))
    assert [row.meets_goal for row in rows] == [True, False]
    too_many, _ = compare_loads("local", "here", (series / 1.2, samples))
    assert too_many.meets_goal is False
    assert too_many.cells()[4] == "≥ 0.95 times, ≤ 1.15 times"


def test_the_documentation_shows_the_sizes_of_today() -> None:
    # The page has plain spaces between numbers and their units.
    lines = [" ".join(line.split()) for line in sizes().lines()]
    page = OPERATIONS.read_text(encoding="utf-8")
    assert "\n".join(lines) in page, "\n".join(lines)
