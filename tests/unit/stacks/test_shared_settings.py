"""Shared settings are in Pulumi.yaml, and a stack overrides them key by key."""

from typing import Any

import pytest

from stacks.settings.layers import merged
from tests.support.recording import STACKS, configured
from tests.support.refusals import read_configuration, refusals


def with_own(**own: Any) -> dict[str, Any]:
    """Staging's configuration with these settings added to the stack's file."""
    values = configured("staging")
    values["vaultmesh:settings"] = merged(values["vaultmesh:settings"], own)
    return values


@pytest.mark.parametrize(
    ("shared", "own", "expected"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3, "d": 4}}, {"a": {"b": 1, "c": 3, "d": 4}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": "text"}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({}, {"a": None}, {"a": None}),
    ],
)
def test_mappings_merge_and_other_values_replace(shared: Any, own: Any, expected: Any) -> None:
    assert merged(shared, own) == expected


def test_a_stack_adds_changes_and_removes_what_is_shared() -> None:
    workloads = {"archivist": {"command": ["archivist"]}, "scheduler": {"port": 9000}}
    values = with_own(workloads=workloads, cronJobs={"soak-heartbeat": None})
    settings = read_configuration(values).settings
    assert settings.workloads["archivist"].command == ("archivist",)
    assert settings.workloads["scheduler"].port == 9000
    assert settings.workloads["scheduler"].never_twice, "the other keys are the shared ones"
    assert set(settings.cron_jobs) == {"synthetic-feeder"}


def test_a_wrong_shared_setting_is_named_in_the_file_that_holds_it() -> None:
    values = configured("staging")
    values["vaultmesh:shared"]["workloads"]["scheduler"]["comand"] = ["x"]
    values["vaultmesh:settings"]["quota"]["pods"] = 0
    own, shared = refusals(values)
    assert own.startswith("vaultmesh:settings.quota.pods (Pulumi.")
    assert shared.startswith("vaultmesh:shared.workloads.scheduler.comand (Pulumi.yaml): unknown")


def test_a_wrong_override_of_a_shared_section_is_named_in_the_stacks_file() -> None:
    (line,) = refusals(with_own(workloads={"scheduler": {"port": 80}}))
    assert line.startswith("vaultmesh:settings.workloads.scheduler.port (Pulumi.")
    assert "(Pulumi.yaml)" not in line


def test_a_missing_key_is_asked_for_in_the_stacks_file() -> None:
    (line,) = refusals(with_own(prometheus={"storage": None}))
    assert line.startswith("vaultmesh:settings.prometheus.storage (Pulumi.")


@pytest.mark.parametrize("stack", STACKS)
def test_no_stack_repeats_a_shared_value(stack: str) -> None:
    values = configured(stack)
    assert not list(repeated(values["vaultmesh:shared"], values["vaultmesh:settings"], stack))


def repeated(shared: Any, own: Any, place: str) -> list[str]:
    """The paths of values that are equal in both layers."""
    if not (isinstance(shared, dict) and isinstance(own, dict)):
        return [place] if shared == own else []
    return [
        found
        for key in shared.keys() & own.keys()
        for found in repeated(shared[key], own[key], f"{place}.{key}")
    ]
