"""No two objects of a kind have one name, and no object serves another's pods."""

from collections import Counter
from itertools import product
from typing import Any

import pytest

from components.network import policy_name
from stacks.names import named_objects
from stacks.settings.layers import merged
from stacks.settings.schema import Settings
from tests.support.cluster import FakeCluster
from tests.support.recording import NAME_LABEL, STACKS, Recording, run_values, stack_values
from tests.support.refusals import changed_stack, cluster_refusals, refusals

WORK, JOB = {"command": ["x"]}, {"command": ["x"], "schedule": "0 6 * * *", "deadlineSeconds": 60}
TO_HARBINGER = {**JOB, "calls": ["harbinger"]}


def with_programs(**changes: Any) -> dict[str, Any]:
    """Staging's configuration with more workloads and cron jobs, and room for them."""
    values = stack_values("staging")
    room = {"quota": {"pods": 99, "cpu": "99", "memory": "99Gi", "memoryLimit": "99Gi"}}
    values["vaultmesh:settings"] = merged(values["vaultmesh:settings"], room | changes)
    return values


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"cronJobs": {"scheduler": TO_HARBINGER}},
            "cronJobs.scheduler: the ServiceAccount `scheduler` belongs to"
            " vaultmesh:settings.workloads.scheduler. Choose another name.",
        ),
        (
            {"workloads": {"psi-field-headless": WORK}},
            "workloads.psi-field-headless: the Service `psi-field-headless` belongs to"
            " vaultmesh:settings.workloads.psi-field.headless. Choose another name.",
        ),
        (
            {"workloads": {"alertmanager-headless": WORK}},
            "workloads.alertmanager-headless: the Service `alertmanager-headless` belongs to the"
            " platform itself. Choose another name.",
        ),
        (
            {"workloads": {"x" * 55: {**WORK, "headless": True}}},
            f"workloads.{'x' * 55}.headless: its Service `{'x' * 55}-headless` has a name of more"
            " than 63 letters. Shorten the name.",
        ),
        ({"workloads": {"prometheus-server": WORK}}, "prometheus-server is reserved for the"),
        ({"cronJobs": {"grafana": TO_HARBINGER}}, "cronJobs.grafana: grafana is reserved for"),
        ({"workloads": {"config-reload": WORK}}, "config-reload: config-reload is reserved for"),
        ({"workloads": {"default": WORK}}, "workloads.default: default is reserved for the plat"),
        ({"cronJobs": {"default": TO_HARBINGER}}, "cronJobs.default: default is reserved for the"),
        (
            {"cronJobs": {"x" * 53: TO_HARBINGER}},
            "is not a name of at most 52 lower-case letters, digits and hyphens",
        ),
        ({"cronJobs": {"a.b": TO_HARBINGER}}, "`a.b` is not a name of at most 52 lower-case"),
        ({"workloads": {"2nd": WORK}}, "`2nd` is not a name of at most 63 lower-case letters, dig"),
    ],
)
def test_a_name_that_is_taken_or_impossible_is_refused(
    changes: dict[str, Any], expected: str
) -> None:
    (line,) = refusals(with_programs(**changes))
    place, _, text = line.partition(": ")
    assert expected in f"{place.partition(' (')[0]}: {text}"


@pytest.mark.parametrize(
    "changes",
    [
        {"workloads": {"x" * 63: WORK}},
        {"workloads": {"x" * 54: {**WORK, "headless": True}}},
        {"cronJobs": {"2" * 52: TO_HARBINGER}},
        {"workloads": {"harbinger-headless": WORK, "grafana-headless": WORK}},
        {"workloads": {"pods": WORK, "clients": WORK, "defaults": WORK, "quota": WORK}},
    ],
)
def test_a_name_that_only_looks_taken_is_accepted(changes: dict[str, Any]) -> None:
    assert refusals(with_programs(**changes)) == []


PARTS = ("a", "a-to", "to-a", "a-to-a", "to", "pods", "clients", "dns", "to-pods", "a-to-to-a")


def test_the_name_of_a_policy_tells_its_two_ends() -> None:
    pairs = list(product(PARTS, PARTS))
    names = {policy_name(*pair) for pair in pairs}
    assert len(names) == len(pairs)
    assert not names & {"pods-to-dns", "pods-to-pods", "clients-to-grafana", "default-deny"}


def test_programs_of_any_name_have_objects_of_their_own() -> None:
    """Names that could be read in two ways, all of which call each other and go outside."""
    outside = {name: {"host": "api.example.com", "port": 443} for name in ("b", "to-b", "b-to-b")}
    names = [name for name in PARTS if name not in outside]
    work = {**WORK, "headless": True, "calls": names, "outside": outside, "replicas": 2}
    job = {**JOB, "calls": names, "outside": outside}
    values = with_programs(
        workloads=dict.fromkeys(names, work),
        cronJobs={f"{name}-job": job for name in names},
        prometheus={"storage": "50Gi", "resources": {"memory": "1Gi", "memoryLimit": "2Gi"}},
    )
    assert refusals(values) == []
    platform = run_values(values)
    assert repeated(platform) == []
    pods = dict((*platform.pods(), *platform.tasks()))
    for service in platform.all("Service"):
        wanted = service["spec"]["selector"][NAME_LABEL]
        found = [pod for pod in pods.values() if pod["metadata"]["labels"][NAME_LABEL] == wanted]
        assert len(found) == 1, service["metadata"]["name"]
    for policy in platform.all("NetworkPolicy"):
        source, dot, _ = policy["metadata"]["name"].partition(".to.")
        if dot and "egress" in policy["spec"]:
            assert policy["spec"]["podSelector"]["matchLabels"] == {NAME_LABEL: source}
    everywhere = [p["metadata"]["name"] for p in platform.all("NetworkPolicy") if is_for_all(p)]
    assert sorted(everywhere) == ["default-deny", "pods-to-dns", "pods-to-pods"]


def is_for_all(policy: dict[str, Any]) -> bool:
    return not policy["spec"]["podSelector"].get("matchLabels")


def repeated(platform: Recording) -> list[tuple[str, str]]:
    """The kinds and names that several objects have."""
    found = Counter(
        (resource.kind, resource.inputs["metadata"]["name"])
        for resource in platform.resources
        if "metadata" in resource.inputs
    )
    return [key for key, count in found.items() if count > 1]


@pytest.mark.parametrize("stack", STACKS)
def test_the_check_sees_what_the_stack_declares(
    recordings: dict[str, Recording], stack: str
) -> None:
    settings = Settings.model_validate(stack_values(stack)["vaultmesh:settings"], by_name=False)
    seen = {(found.kind, found.name) for found in named_objects(settings)}
    general = {"default-deny", "pods-to-dns", "pods-to-pods", "clients-to-grafana"}
    declared = {
        (kind, found["metadata"]["name"])
        for kind in ("ServiceAccount", "Service", "NetworkPolicy")
        for found in recordings[stack].all(kind)
        if found["metadata"]["name"] not in general
    }
    assert seen == declared
    assert repeated(recordings[stack]) == []


def test_the_program_declares_nothing_with_a_name_that_is_taken() -> None:
    jobs = {"scheduler": TO_HARBINGER}
    (line,) = cluster_refusals(FakeCluster(), changed_stack(cronJobs=jobs))
    assert line.startswith("vaultmesh:settings.cronJobs.scheduler ")
