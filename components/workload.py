"""A service of the platform: a Deployment that serves HTTP, its address and its identity."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.pods import (
    HTTP,
    Resources,
    container,
    disruption_budget,
    http_probe,
    metadata,
    selector,
    service_account,
    template,
    variables,
)
from components.services import cluster_ip, headless

ROLLING = apps.DeploymentStrategyArgs(
    type="RollingUpdate",
    rolling_update=apps.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
)
RECREATE = apps.DeploymentStrategyArgs(type="Recreate")
SCRATCH = "32Mi"
"""Size of /tmp, the one folder that a workload may write to."""


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """`command` starts a server that answers /health, /ready and /metrics on `port`.

    `has_headless` adds a Service by which each pod can be reached by itself. `never_twice` ends the
    old pod before the new one starts, for a service that must not do its work twice.
    """

    namespace: pulumi.Input[str]
    image: str
    command: tuple[str, ...]
    replicas: int
    port: int
    has_headless: bool
    never_twice: bool
    environment: Mapping[str, str]
    resources: Resources


class Workload(pulumi.ComponentResource):
    """A Deployment whose pods are never fewer than asked for while it rolls, or never more."""

    url: pulumi.Output[str]
    """Address inside the cluster."""

    def __init__(self, name: str, args: WorkloadArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Workload", name, None, opts)
        child = ResourceOptions(parent=self)
        service_account(name, args.namespace, child)
        service = cluster_ip(name, args.namespace, args.port, child)
        if args.has_headless:
            headless(name, args.namespace, {HTTP: args.port}, child)
        if args.replicas > 1:
            disruption_budget(name, args.namespace, child)
        apps.Deployment(
            name,
            metadata=metadata(name, args.namespace),
            spec=apps.DeploymentSpecArgs(
                replicas=args.replicas,
                selector=meta.LabelSelectorArgs(match_labels=selector(name)),
                strategy=RECREATE if args.never_twice else ROLLING,
                template=_pod(name, args),
            ),
            opts=child,
        )
        self.url = pulumi.Output.format(
            "http://{0}.{1}.svc:{2}",
            service.metadata.name,
            service.metadata.namespace,
            args.port,
        )
        self.register_outputs({"url": self.url})


def _pod(name: str, args: WorkloadArgs) -> core.PodTemplateSpecArgs:
    server = container(
        name,
        args.image,
        args.resources,
        command=list(args.command),
        env=variables({"PORT": str(args.port), **args.environment}),
        ports=[core.ContainerPortArgs(name=HTTP, container_port=args.port)],
        volume_mounts=[core.VolumeMountArgs(name="tmp", mount_path="/tmp")],
        startup_probe=http_probe("/health", period_seconds=2, failures=30),
        liveness_probe=http_probe("/health"),
        readiness_probe=http_probe("/ready", period_seconds=5),
    )
    tmp = core.VolumeArgs(
        name="tmp",
        empty_dir=core.EmptyDirVolumeSourceArgs(size_limit=SCRATCH),
    )
    return template(name, [server], volumes=[tmp], spread=args.replicas > 1)
