"""Stands in for kube-state-metrics: tells of the CronJobs that the runner itself runs."""

from collections.abc import Collection, Iterator
from typing import Any

from ops.live.jobs import Job
from ops.live.pods import Pod

NAME = "kube-state-metrics"
_ALLOWLIST = "--metric-allowlist="


def exposed(pods: Collection[Pod], jobs: Collection[Job], namespace: str) -> dict[str, Any]:
    """What each of its pods shows, in the shape that the exporter reads.

    The real program gives the metrics that its arguments name, and so does this; the labels are the
    real ones, and the times are those of this machine's clock, however fast time runs.
    """
    return {"pods": {NAME: [_of_pod(pod, jobs, namespace) for pod in pods]}}


def _of_pod(pod: Pod, jobs: Collection[Job], namespace: str) -> dict[str, float]:
    given = [arg for arg in pod.workload.main_container["args"] if arg.startswith(_ALLOWLIST)]
    allowed = given[0].removeprefix(_ALLOWLIST).split(",") if given else []
    return {
        f'{metric}{{namespace="{namespace}",cronjob="{job.name}"}}': value
        for job in jobs
        for metric, value in _of_job(job)
        if metric in allowed
    }


def _of_job(job: Job) -> Iterator[tuple[str, float]]:
    """A time that has not come yet, such as that of the first success, has no series."""
    times = {
        "created": job.created,
        "next_schedule_time": None if job.job.suspend else job.due,
        "status_last_schedule_time": job.scheduled,
        "status_last_successful_time": job.succeeded,
    }
    for metric, moment in times.items():
        if moment is not None:
            yield f"kube_cronjob_{metric}", round(job.clock.real(moment), 3)
    yield "kube_cronjob_spec_suspend", float(job.job.suspend)
