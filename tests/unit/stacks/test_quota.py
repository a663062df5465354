"""Preview refuses a quota that does not hold the stack, and says what does."""

from fractions import Fraction
from typing import Any

import pytest

from quantities import exact
from stacks.quota import needed_quota
from stacks.settings.layers import merged
from stacks.settings.schema import Settings
from tests.support.cluster import FakeCluster
from tests.support.recording import STACKS, Recording, stack_values
from tests.support.refusals import changed_stack, cluster_refusals, refusals

KEYS = {"pods": "pods", "cpu": "requests.cpu", "memory": "requests.memory"}
KEYS["memoryLimit"] = "limits.memory"


def with_settings(stack: str, changes: dict[str, Any]) -> dict[str, Any]:
    values = stack_values(stack)
    values["vaultmesh:settings"] = merged(values["vaultmesh:settings"], changes)
    return values


def needed(
    stack: str, changes: dict[str, Any] | None = None, *, rolling: bool = True
) -> dict[str, Fraction]:
    settings = with_settings(stack, changes or {})["vaultmesh:settings"]
    return needed_quota(Settings.model_validate(settings, by_name=False), rolling=rolling)


def used(platform: Recording, *, rolling: bool) -> dict[str, Fraction]:
    """What the declared pods need while every job runs, and every Deployment rolls or none."""
    pods: list[tuple[int, dict[str, Any]]] = []
    for owner in platform.all("StatefulSet"):
        pods.append((int(owner["spec"]["replicas"]), owner["spec"]["template"]))
    for owner in platform.all("Deployment"):
        strategy = owner["spec"].get("strategy", {})
        surge = int(rolling and strategy.get("type") != "Recreate")
        pods.append((int(owner["spec"]["replicas"]) + surge, owner["spec"]["template"]))
    jobs = {
        job["metadata"]["name"] for job in platform.all("CronJob") if not job["spec"]["suspend"]
    }
    pods += [(1, template) for name, template in platform.tasks() if name in jobs]
    found = dict.fromkeys(KEYS, Fraction(0))
    found["pods"] = Fraction(sum(count for count, _ in pods))
    for count, template in pods:
        for container in template["spec"]["containers"]:
            for key in ("cpu", "memory", "memoryLimit"):
                kind, resource = KEYS[key].split(".")
                found[key] += count * exact(container["resources"][kind][resource])
    return found


@pytest.mark.parametrize("rolling", [True, False])
@pytest.mark.parametrize("stack", STACKS)
def test_the_sum_is_that_of_the_declared_pods(
    recordings: dict[str, Recording], stack: str, rolling: bool
) -> None:
    assert needed(stack, rolling=rolling) == used(recordings[stack], rolling=rolling)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(
    ("key", "show"),
    [
        ("pods", lambda size: int(size)),
        ("cpu", lambda size: f"{int(size * 1000)}m"),
        ("memory", lambda size: str(int(size))),
        ("memoryLimit", lambda size: str(int(size))),
    ],
)
def test_a_quota_that_holds_the_stack_exactly_is_accepted_and_a_smaller_one_refused(
    stack: str, key: str, show: Any
) -> None:
    size = needed(stack)[key]
    assert refusals(with_settings(stack, {"quota": {key: show(size)}})) == []
    step = Fraction(1, 1000) if key == "cpu" else Fraction(1)
    (line,) = refusals(with_settings(stack, {"quota": {key: show(size - step)}}))
    assert line.startswith(f"vaultmesh:settings.quota.{key} (Pulumi.")
    enough = line.rpartition("Write ")[2].removesuffix(" or more.")
    mended = {"quota": {key: int(enough) if key == "pods" else enough}}
    assert refusals(with_settings(stack, mended)) == []


@pytest.mark.parametrize(
    ("changes", "pods"),
    [
        ({"prometheus": {"replicas": 3}}, 2),
        ({"synthetics": {"replicas": 4}}, 3),
        ({"synthetics": {"replicas": 5}}, 5),
        ({"workloads": {"another": {"command": ["x"]}}}, 2),
        ({"workloads": {"another": {"command": ["x"], "neverTwice": True}}}, 1),
        ({"cronJobs": {"soak-heartbeat": {"suspend": False}}}, 1),
        ({"cronJobs": {"synthetic-feeder": {"suspend": True}}}, -1),
    ],
)
def test_everything_that_can_run_at_once_counts(changes: dict[str, Any], pods: int) -> None:
    assert needed("staging", changes)["pods"] - needed("staging")["pods"] == pods


def test_the_program_declares_nothing_with_a_quota_that_is_too_small() -> None:
    quota = {"pods": 5, "cpu": "99", "memory": "99Gi", "memoryLimit": "99Gi"}
    (line,) = cluster_refusals(FakeCluster(), changed_stack(quota=quota))
    assert line.startswith("vaultmesh:settings.quota.pods ")
