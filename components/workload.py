"""A workload: a Deployment that serves HTTP, its Service and its ServiceAccount."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pydantic import Field, model_validator

from components.kit import Server, headless_service, served_deployment, service_account
from components.pods import HTTP, container, http_probe, template, variables
from components.values import Port, Resources, Value

ROLLING = apps.DeploymentStrategyArgs(
    type="RollingUpdate",
    rolling_update=apps.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
)
RECREATE = apps.DeploymentStrategyArgs(type="Recreate")
SCRATCH = "32Mi"
"""Size of /tmp, the only folder that a workload can write to."""


class WorkloadSpec(Value):
    """How a workload runs; `command` starts a server with /health, /ready and /metrics on `port`.

    `headless` adds a Service that gives each pod a DNS name. `never_twice` is for a service that
    must not do its work twice: the old pod ends before the new one starts.
    """

    command: tuple[str, ...] = Field(min_length=1)
    replicas: int = Field(default=1, ge=1)
    port: Port = 8000
    headless: bool = False
    never_twice: bool = False
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _never_twice_has_one_replica(self) -> "WorkloadSpec":
        if self.never_twice and self.replicas > 1:
            raise ValueError("neverTwice allows one replica. Set replicas to 1.")
        return self


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """`environment` holds variables besides HOST, PORT and POD_NAME."""

    namespace: pulumi.Input[str]
    rollout_seconds: int
    image: str
    spec: WorkloadSpec
    environment: Mapping[str, str]


class Workload(pulumi.ComponentResource):
    """A Deployment. During a rollout it never has fewer pods than `replicas`, or never more."""

    url: pulumi.Output[str]
    """Address inside the cluster."""

    def __init__(self, name: str, args: WorkloadArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Workload", name, None, opts)
        child = ResourceOptions(parent=self)
        spec, server = args.spec, workload_server(name, args.spec)
        service_account(name, args.namespace, child)
        if spec.headless:
            headless_service(server, args.namespace, child)
        self.url = served_deployment(
            server,
            args.namespace,
            _pod(name, args),
            child,
            rollout_seconds=args.rollout_seconds,
            replicas=spec.replicas,
            strategy=RECREATE if spec.never_twice else ROLLING,
        )
        self.register_outputs({"url": self.url})


def workload_server(name: str, spec: WorkloadSpec) -> Server:
    """The workload's ports and Service, as other components use them."""
    return Server(name=name, port=spec.port, service_port=spec.port)


def _pod(name: str, args: WorkloadArgs) -> core.PodTemplateSpecArgs:
    port = args.spec.port
    server = container(
        name,
        args.image,
        args.spec.resources,
        command=list(args.spec.command),
        env=variables({"PORT": str(port), **args.environment}),
        ports=[core.ContainerPortArgs(name=HTTP, container_port=port)],
        volume_mounts=[core.VolumeMountArgs(name="tmp", mount_path="/tmp")],
        startup_probe=http_probe("/health", period_seconds=2, failures=30),
        liveness_probe=http_probe("/health"),
        readiness_probe=http_probe("/ready", period_seconds=5),
    )
    tmp = core.VolumeArgs(name="tmp", empty_dir=core.EmptyDirVolumeSourceArgs(size_limit=SCRATCH))
    return template(name, [server], volumes=[tmp], spread=args.spec.replicas > 1)
