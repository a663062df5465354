"""A service that runs at set times and ends: never twice at once, never for ever."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.batch import v1 as batch
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.pods import (
    Resources,
    container,
    labels,
    metadata,
    service_account,
    template,
    variables,
)

KEPT_RUNS = 3
"""Finished runs, of each outcome, that stay for somebody to look at."""
KEPT_SECONDS = 24 * 60 * 60
"""How long they stay at most."""


@dataclass(frozen=True, kw_only=True)
class CronJobArgs:
    """`schedule` is a cron expression in UTC; a run is cut off after `deadline_seconds`."""

    namespace: pulumi.Input[str]
    image: str
    command: tuple[str, ...]
    schedule: str
    suspend: bool
    deadline_seconds: int
    environment: Mapping[str, str]
    resources: Resources


class CronJob(pulumi.ComponentResource):
    """A CronJob that skips a run rather than let two overlap, and does not retry a failed one.

    The next run comes soon enough, and a retry would hide the failure.
    """

    def __init__(self, name: str, args: CronJobArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:CronJob", name, None, opts)
        child = ResourceOptions(parent=self)
        service_account(name, args.namespace, child)
        run = batch.JobSpecArgs(
            active_deadline_seconds=args.deadline_seconds,
            backoff_limit=0,
            ttl_seconds_after_finished=KEPT_SECONDS,
            template=_pod(name, args),
        )
        batch.CronJob(
            name,
            metadata=metadata(name, args.namespace),
            spec=batch.CronJobSpecArgs(
                schedule=args.schedule,
                time_zone="Etc/UTC",
                suspend=args.suspend,
                concurrency_policy="Forbid",
                starting_deadline_seconds=args.deadline_seconds,
                successful_jobs_history_limit=KEPT_RUNS,
                failed_jobs_history_limit=KEPT_RUNS,
                job_template=batch.JobTemplateSpecArgs(
                    metadata=meta.ObjectMetaArgs(labels=labels(name)), spec=run
                ),
            ),
            opts=child,
        )
        self.register_outputs({})


def _pod(name: str, args: CronJobArgs) -> core.PodTemplateSpecArgs:
    task = container(
        name,
        args.image,
        args.resources,
        command=list(args.command),
        env=variables(args.environment),
    )
    return template(name, [task], spread=False, restart="Never")
