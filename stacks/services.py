"""The services of one environment, all from the same image unless their settings name another."""

from collections.abc import Mapping

import pulumi
from pulumi import ResourceOptions

from components.cron_job import CronJob, CronJobArgs
from components.pods import Resources
from components.values import WATCHDOG_TIMEOUT
from components.workload import Workload, WorkloadArgs
from stacks import sections
from stacks.settings import Configuration
from stacks.settings.schema import Settings


def workloads(
    configuration: Configuration, namespace: pulumi.Output[str], opts: ResourceOptions
) -> Mapping[str, pulumi.Output[str]]:
    """Declare every workload; their addresses inside the cluster by name."""
    return {
        name: Workload(
            name,
            WorkloadArgs(
                namespace=namespace,
                image=workload.image or configuration.settings.services_image,
                command=workload.command,
                replicas=workload.replicas,
                port=workload.port,
                has_headless=workload.headless,
                never_twice=workload.never_twice,
                environment={**workload.environment, **heard(configuration.settings, name)},
                resources=resources(workload.resources),
            ),
            opts,
        ).url
        for name, workload in configuration.settings.workloads.items()
    }


def cron_jobs(
    configuration: Configuration, namespace: pulumi.Output[str], opts: ResourceOptions
) -> None:
    """Declare every service that runs at set times."""
    for name, job in configuration.settings.cron_jobs.items():
        CronJob(
            name,
            CronJobArgs(
                namespace=namespace,
                image=job.image or configuration.settings.services_image,
                command=job.command,
                schedule=job.schedule,
                suspend=job.suspend,
                deadline_seconds=job.deadline_seconds,
                environment=job.environment,
                resources=resources(job.resources),
            ),
            opts,
        )


def heard(settings: Settings, workload: str) -> dict[str, str]:
    """What the workload that takes notifications is told of the heartbeat; others nothing."""
    alerting = settings.alertmanager
    if alerting.webhook is None or alerting.webhook.workload != workload:
        return {}
    return {WATCHDOG_TIMEOUT: str(alerting.heartbeat.timeout_seconds)}


def resources(settings: sections.Resources) -> Resources:
    """The same numbers, as components take them."""
    return Resources(**settings.model_dump())
