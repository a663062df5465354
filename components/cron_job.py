"""A job on a schedule: runs never overlap, and none outlives its deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.batch import v1 as batch
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta
from pydantic import AfterValidator, Field

from components.kit import service_account
from components.placement import Placement
from components.pods import (
    PROGRAM_SECRETS,
    container,
    labels,
    metadata,
    secret_mount,
    secret_volume,
    template,
    variables,
)
from components.values import Command, Resources, Value
from schedules import check_schedule

KEPT_RUNS = 3
"""Number of successful, and of failed, runs that are kept for inspection."""
KEPT_SECONDS = 24 * 60 * 60
"""Seconds after which a finished run is deleted at the latest."""


Schedule = Annotated[str, AfterValidator(check_schedule)]


class CronJobSpec(Value):
    """A command and its schedule, a cron expression in UTC.

    Kubernetes kills a run that lasts longer than `deadline_seconds`.
    """

    command: Command
    schedule: Schedule
    suspend: bool = False
    deadline_seconds: int = Field(ge=1, le=3600)
    resources: Resources = Resources()


@dataclass(frozen=True, kw_only=True)
class CronJobArgs:
    """`environment` holds variables besides POD_NAME; `secrets` maps names of files to secrets."""

    namespace: pulumi.Input[str]
    placement: Placement
    image: str
    spec: CronJobSpec
    environment: Mapping[str, str]
    secrets: Mapping[str, pulumi.Output[str]]


class CronJob(pulumi.ComponentResource):
    """A CronJob that skips a run if the previous one still runs, and never retries a failed run.

    A retry would hide the failure, and the next run comes soon enough.
    """

    def __init__(self, name: str, args: CronJobArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:CronJob", name, None, opts)
        child, spec = ResourceOptions(parent=self), args.spec
        service_account(name, args.namespace, child)
        if args.secrets:
            core.Secret(
                name,
                metadata=metadata(name, args.namespace),
                string_data=dict(args.secrets),
                opts=child,
            )
        run = batch.JobSpecArgs(
            active_deadline_seconds=spec.deadline_seconds,
            backoff_limit=0,
            ttl_seconds_after_finished=KEPT_SECONDS,
            template=_pod(name, args),
        )
        batch.CronJob(
            name,
            metadata=metadata(name, args.namespace),
            spec=batch.CronJobSpecArgs(
                schedule=spec.schedule,
                time_zone="Etc/UTC",
                suspend=spec.suspend,
                concurrency_policy="Forbid",
                starting_deadline_seconds=spec.deadline_seconds,
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
        args.spec.resources,
        command=list(args.spec.command),
        env=variables(args.environment),
        volume_mounts=[secret_mount(PROGRAM_SECRETS)] if args.secrets else None,
    )
    return template(
        name,
        [task],
        placement=args.placement,
        volumes=[secret_volume(name)] if args.secrets else [],
        spread=False,
        restart="Never",
    )
