"""Prometheus gets the disk and memory that its series need, and not many times as much."""

from collections import Counter
from typing import Any

import pytest

from problems import Problems
from promql.expressions import parse
from quantities import amount
from rules.slo.specification import WINDOW
from services.psi_field.metrics import BUCKETS
from stacks.capacity import (
    HEADROOM,
    RULES,
    SLO_INPUTS,
    bytes_a_day,
    check_capacity,
    long_term_series,
    needed_disk,
    needed_memory,
    samples_a_second,
    series,
)
from stacks.platform import build
from stacks.settings import load_configuration
from stacks.settings.layers import merged
from stacks.settings.schema import Settings
from tests.support.recording import ROOT, STACKS, configure, record, stack_values
from tests.support.series import rulebook

LARGEST = 4
"""No stack asks for more than this many times what it needs."""


def settings(stack: str, **prometheus: Any) -> Settings:
    values = stack_values(stack)["vaultmesh:settings"]
    values["prometheus"] |= prometheus
    return Settings.model_validate(values, by_name=False)


@pytest.mark.parametrize("stack", STACKS)
def test_no_stack_asks_for_many_times_what_it_needs(stack: str) -> None:
    found = settings(stack)
    given = found.prometheus
    disk, memory = needed_disk(found), needed_memory(found)
    assert amount(given.storage) <= LARGEST * amount(f"{disk}Gi"), f"{disk}Gi are enough"
    assert amount(given.resources.memory) <= LARGEST * amount(f"{memory}Mi"), f"{memory}Mi do"


def problems(found: Settings) -> list[str]:
    noted = Problems()
    check_capacity(found, noted)
    return list(noted.lines())


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_has_what_it_needs(stack: str) -> None:
    assert problems(settings(stack)) == []


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("storage", {"storage": "1Gi"}),
        ("storage", {"retention": "1y"}),
        ("resources.memory", {"resources": {"memory": "128Mi"}}),
    ],
)
def test_too_little_is_refused_with_what_is_enough(key: str, change: dict[str, Any]) -> None:
    (line,) = problems(settings("production", **change))
    assert line.startswith(f"vaultmesh:settings.prometheus.{key}: ")
    enough = line.rpartition("Write ")[2].removesuffix(" or more.")
    mended = {"storage": enough} if key == "storage" else {"resources": {"memory": enough}}
    assert problems(settings("production", **change | mended)) == []


def test_the_documentation_shows_the_message_of_today() -> None:
    (line,) = problems(settings("production", storage="1Gi"))
    text = line.removeprefix("vaultmesh:settings.prometheus.storage: ")
    shown = f"vaultmesh:settings.prometheus.storage (Pulumi.production.yaml): {text}"
    assert shown in (ROOT / "docs/how-to.md").read_text(encoding="utf-8").splitlines()


def test_the_program_declares_nothing_with_too_little() -> None:
    values = stack_values("production")
    values["vaultmesh:settings"]["prometheus"]["storage"] = "1Gi"
    configure(values)

    def program() -> None:
        with pytest.raises(SystemExit):
            build(load_configuration())

    assert record(program).resources == []


def test_disk_is_the_documented_formula_with_headroom() -> None:
    found = settings("production", retention="1y")
    rate = sum(series(found).values()) / 30
    # Two bytes a sample for a year, of which 85 % of the volume may be filled.
    bare = 365 * 86400 * rate * 2 / 0.85 / 2**30
    assert bare * HEADROOM <= needed_disk(found) <= bare * HEADROOM * 1.05 + 1


def test_a_day_of_samples_is_one_of_each_series_every_thirty_seconds() -> None:
    found = settings("production")
    total = sum(series(found).values())
    assert samples_a_second(found) == pytest.approx(total / 30)
    assert bytes_a_day(samples_a_second(found)) == pytest.approx(total * 2880 * 2)


def test_each_pod_adds_the_inputs_of_its_objectives_to_the_long_term_store() -> None:
    values = stack_values("production")["vaultmesh:settings"]
    before = long_term_series(Settings.model_validate(values, by_name=False))
    for name, inputs in SLO_INPUTS.items():
        more = merged(values, {"workloads": {name: {"replicas": 9}}})
        added = 9 - values["workloads"][name]["replicas"]
        after = long_term_series(Settings.model_validate(more, by_name=False))
        assert after - before == added * inputs


def test_series_that_rules_record_for_each_pod_are_not_kept_for_years() -> None:
    values = stack_values("production")["vaultmesh:settings"]
    more = merged(values, {"workloads": {"aurora-treaty": {"replicas": 9}}})
    before, after = (Settings.model_validate(one, by_name=False) for one in (values, more))
    pods = 9 - values["workloads"]["aurora-treaty"]["replicas"]
    assert series(after)[RULES] - series(before)[RULES] == pods
    assert long_term_series(after) - long_term_series(before) == pods * SLO_INPUTS["aurora-treaty"]


def test_the_inputs_of_the_objectives_are_the_series_that_they_select() -> None:
    workloads = stack_values("production")["vaultmesh:settings"]["workloads"]
    found: Counter[str] = Counter()
    for slo in rulebook().slos:
        metrics = {
            selector.metric or ""
            for text in slo.indicator.queries.values()
            for selector in parse(WINDOW.sub("5m", text)).selectors
        }
        if slo.service in workloads:
            # A histogram's buckets, and the one of all values.
            found[slo.service] += sum(
                len(BUCKETS) + 1 if metric.endswith("_bucket") else 1 for metric in metrics
            )
    assert found == SLO_INPUTS


def test_series_grow_with_replicas_workloads_and_probes() -> None:
    def total(**changes: Any) -> int:
        values = stack_values("staging")["vaultmesh:settings"]
        values = merged(values, changes)
        return sum(series(Settings.model_validate(values, by_name=False)).values())

    probe = {"workload": "psi-field", "path": "/ready"}
    work = {"command": ["run"], "replicas": 3}
    one_more = {
        "prometheus": {"replicas": 2},
        "alertmanager": {"replicas": 2},
        "synthetics": {"probes": {"another": probe}},
        "workloads": {"another": work},
    }
    for key, change in one_more.items():
        assert total(**{key: change}) > total(), key


def test_remote_write_needs_more_memory_and_no_more_disk() -> None:
    values = stack_values("production")["vaultmesh:settings"]
    values["aws"] = {}
    plain = Settings.model_validate(values, by_name=False)
    values["aws"] = {"managedPrometheus": {}}
    writing = Settings.model_validate(values, by_name=False)
    assert needed_memory(writing) > needed_memory(plain)
    assert needed_disk(writing) == needed_disk(plain)
