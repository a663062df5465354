"""Whether the quota of the namespace holds all pods of the stack, even while they roll out."""

import math
from collections.abc import Iterator
from fractions import Fraction

from components import kube_state_metrics
from components.kit import RELOADER_RESOURCES
from components.values import Resources
from problems import Problems
from quantities import exact, shown_cores, shown_mebibytes
from stacks.settings.schema import Settings


def _pods(settings: Settings, *, rolling: bool) -> Iterator[tuple[int, tuple[Resources, ...]]]:
    """(number of pods, resources of the containers of each) of everything that runs.

    With `rolling`, it is the number at most, while every Deployment rolls out.
    """
    reloaded = RELOADER_RESOURCES
    for server in (settings.prometheus, settings.alertmanager):
        # A StatefulSet ends a pod before it starts the next one.
        yield server.replicas, (server.resources, reloaded)
    probers = settings.synthetics
    # Kubernetes' own default for a Deployment is a quarter more pods, rounded up.
    more = math.ceil(probers.replicas / 4) if rolling else 0
    yield probers.replicas + more, (probers.resources, reloaded)
    yield 1 + rolling, (settings.grafana.resources,)
    yield 1 + rolling, (kube_state_metrics.RESOURCES,)
    for workload in settings.workloads.values():
        more = rolling and not workload.never_twice
        yield workload.replicas + more, (workload.resources,)
    for job in settings.cron_jobs.values():
        if not job.suspend:
            yield 1, (job.resources,)


def needed_quota(settings: Settings, *, rolling: bool = True) -> dict[str, Fraction]:
    """What the pods need at most, by key of `quota`: their number, cores and bytes.

    Every CronJob runs. Without `rolling`, no Deployment rolls out.
    """
    pods = list(_pods(settings, rolling=rolling))

    def total(field: str) -> Fraction:
        return sum(
            (count * exact(getattr(one, field)) for count, each in pods for one in each),
            start=Fraction(0),
        )

    return {
        "pods": Fraction(sum(count for count, _ in pods)),
        "cpu": total("cpu"),
        "memory": total("memory"),
        "memoryLimit": total("memory_limit"),
    }


def check_quota(settings: Settings, problems: Problems) -> None:
    """Report each part of the quota that is too small: Kubernetes would refuse the last pods."""
    given, needed = settings.quota, needed_quota(settings)
    has = {
        "pods": str(given.pods),
        "cpu": given.cpu,
        "memory": given.memory,
        "memoryLimit": given.memory_limit,
    }
    for key, amount in needed.items():
        if exact(has[key]) >= amount:
            continue
        show = {"pods": str, "cpu": shown_cores}.get(key, shown_mebibytes)
        problems.add(
            f"vaultmesh:settings.quota.{key}",
            0,
            f"`{has[key]}` does not hold the stack: its pods need {show(amount)} while they roll"
            f" out. Write {show(amount)} or more.",
        )
