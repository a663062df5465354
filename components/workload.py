"""A workload: a Deployment that serves HTTP, its Service and its ServiceAccount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pydantic import model_validator

from components.kit import Server, headless_service, served_deployment, service_account
from components.placement import Placement
from components.pods import (
    HTTP,
    PROGRAM_SECRETS,
    container,
    http_probe,
    metadata,
    secret_mount,
    secret_volume,
    template,
    variables,
)
from components.values import (
    LOG_STORAGE,
    Bytes,
    Command,
    Port,
    Replicas,
    Resources,
    Value,
    WrongKeysError,
)
from quantities import exact, shown_mebibytes

SCRATCH_FOLDER = "/tmp"


class WorkloadSpec(Value):
    """How a workload runs; `command` starts a server with /health, /ready and /metrics on `port`.

    `headless` adds a Service that gives each pod a DNS name. `never_twice` is for a service that
    must not do its work twice: the old pod ends before the new one starts. `scratch` is the size of
    /tmp, the only folder that it can write to; without it, there is none.
    """

    command: Command
    replicas: Replicas = 1
    port: Port = 8000
    headless: bool = False
    never_twice: bool = False
    scratch: Bytes | None = None
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _never_twice_has_one_replica(self) -> WorkloadSpec:
        if self.never_twice and self.replicas > 1:
            raise ValueError("neverTwice allows one replica. Set replicas to 1.")
        return self

    @model_validator(mode="after")
    def _scratch_fits_beside_the_log(self) -> WorkloadSpec:
        storage = self.resources.ephemeral_storage
        needed = exact(self.scratch or "0") + exact(LOG_STORAGE)
        if needed > exact(storage):
            raise WrongKeysError(
                {
                    "resources.ephemeralStorage": f"`{storage}` has no room for {self.scratch} of"
                    f" scratch and {LOG_STORAGE} of log. Write {shown_mebibytes(needed)} or more."
                }
            )
        return self


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """`environment` holds variables besides HOST, PORT and POD_NAME.

    `secrets` maps names of files to secrets.
    """

    namespace: pulumi.Input[str]
    placement: Placement
    rollout_seconds: int
    image: str
    spec: WorkloadSpec
    environment: Mapping[str, str]
    secrets: Mapping[str, pulumi.Output[str]]


class Workload(pulumi.ComponentResource):
    """A Deployment. During a rollout it never has fewer pods than `replicas`, or never more."""

    url: pulumi.Output[str]
    """Address inside the cluster."""

    def __init__(self, name: str, args: WorkloadArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Workload", name, None, opts)
        child = ResourceOptions(parent=self)
        spec, server = args.spec, workload_server(name, args.spec)
        service_account(name, args.namespace, child)
        if args.secrets:
            core.Secret(
                name,
                metadata=metadata(name, args.namespace),
                string_data=dict(args.secrets),
                opts=child,
            )
        if spec.headless:
            headless_service(server, args.namespace, child)
        self.url = served_deployment(
            server,
            args.namespace,
            _pod(name, args),
            child,
            rollout_seconds=args.rollout_seconds,
            replicas=spec.replicas,
            strategy=_strategy(never_twice=spec.never_twice),
        )
        self.register_outputs({"url": self.url})


def workload_server(name: str, spec: WorkloadSpec) -> Server:
    """The workload's ports and Service, as other components use them."""
    return Server(name=name, port=spec.port, service_port=spec.port)


def _strategy(*, never_twice: bool) -> apps.DeploymentStrategyArgs:
    if never_twice:
        return apps.DeploymentStrategyArgs(type="Recreate")
    return apps.DeploymentStrategyArgs(
        type="RollingUpdate",
        rolling_update=apps.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
    )


def _pod(name: str, args: WorkloadArgs) -> core.PodTemplateSpecArgs:
    port = args.spec.port
    mounts: list[core.VolumeMountArgs] = []
    volumes: list[core.VolumeArgs] = []
    if args.spec.scratch:
        size = core.EmptyDirVolumeSourceArgs(size_limit=args.spec.scratch)
        mounts.append(core.VolumeMountArgs(name="scratch", mount_path=SCRATCH_FOLDER))
        volumes.append(core.VolumeArgs(name="scratch", empty_dir=size))
    if args.secrets:
        mounts.append(secret_mount(PROGRAM_SECRETS))
        volumes.append(secret_volume(name))
    server = container(
        name,
        args.image,
        args.spec.resources,
        command=list(args.spec.command),
        env=variables({"PORT": str(port), **args.environment}),
        ports=[core.ContainerPortArgs(name=HTTP, container_port=port)],
        volume_mounts=mounts or None,
        startup_probe=http_probe("/health", period_seconds=2, failures=30),
        liveness_probe=http_probe("/health"),
        readiness_probe=http_probe("/ready", period_seconds=5),
    )
    return template(
        name,
        [server],
        placement=args.placement,
        volumes=volumes,
        spread=args.spec.replicas > 1,
    )
