"""Alertmanager: groups, silences and delivers the alerts of Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core

from components.alertmanager_config import CONFIG_FILE, CONFIG_FOLDER
from components.channels import SECRET_FOLDER
from components.kit import (
    DATA_FOLDER,
    ReloadedConfig,
    Server,
    data_mount,
    headless_name,
    reloaded_config,
    served_stateful_set,
    service_account,
)
from components.placement import Placement
from components.pods import (
    HTTP,
    container,
    field_variable,
    http_probe,
    metadata,
    secret_mount,
    secret_volume,
    template,
)
from components.values import Resources

SERVER = Server(name="alertmanager", port=9093, service_port=9093, has_ui=True, has_reloader=True)
NAME = SERVER.name
GOSSIP_PORT = 9094
RETENTION = "360h"
"""How long the log of notifications may remember what was told: hours may be closed for a week."""
POD_IP = "POD_IP"
"""The variable with the pod's own address."""


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """`config` maps file names to texts, `credentials` maps file names to secrets.

    Replicas gossip only with those that have the same `cluster_label`.
    `role` are the annotations that give the pods an IAM role, if they have one.
    """

    namespace: pulumi.Input[str]
    placement: Placement
    rollout_seconds: int
    image: str
    reloader_image: str
    replicas: int
    cluster_label: str
    storage: str
    storage_class: str | None
    protect: bool
    resources: Resources
    config: Mapping[str, str]
    credentials: Mapping[str, pulumi.Output[str]]
    role: Mapping[str, pulumi.Input[str]] | None


class Alertmanager(pulumi.ComponentResource):
    """The StatefulSet `alertmanager`; its replicas gossip, so they share silences."""

    url: pulumi.Output[str]
    """Address of the API inside the cluster."""

    def __init__(self, args: AlertmanagerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Alertmanager", NAME, None, opts)
        child = ResourceOptions(parent=self)
        namespace = args.namespace
        service_account(NAME, namespace, child, annotations=args.role)
        config = reloaded_config(
            SERVER,
            namespace,
            args.config,
            child,
            folder=CONFIG_FOLDER,
            reloader_image=args.reloader_image,
        )
        if args.credentials:
            core.Secret(
                NAME,
                metadata=metadata(NAME, namespace),
                string_data=dict(args.credentials),
                opts=child,
            )
        self.url = served_stateful_set(
            SERVER,
            namespace,
            _pod(args, config),
            child,
            rollout_seconds=args.rollout_seconds,
            replicas=args.replicas,
            storage=args.storage,
            storage_class=args.storage_class,
            protect=args.protect,
        )
        self.register_outputs({"url": self.url})


def _cluster_flags(replicas: int, label: str) -> list[str]:
    """Flags that list all replicas by their stable names; a single replica has no peers."""
    if replicas == 1:
        return ["--cluster.listen-address="]
    peers = [f"{NAME}-{number}.{headless_name(NAME)}" for number in range(replicas)]
    return [
        # Every address of the pod, IPv4 and IPv6.
        f"--cluster.listen-address=:{GOSSIP_PORT}",
        # Without it, Alertmanager looks for a private IPv4 address, and a pod may have none. The
        # brackets that an IPv6 address needs do an IPv4 address no harm.
        f"--cluster.advertise-address=[$({POD_IP})]:{GOSSIP_PORT}",
        f"--cluster.label={label}",
        # A replaced pod has a new address, so do not retry the old one for hours.
        "--cluster.reconnect-timeout=5m",
        *(f"--cluster.peer={peer}:{GOSSIP_PORT}" for peer in peers),
    ]


def _pod(args: AlertmanagerArgs, config: ReloadedConfig) -> core.PodTemplateSpecArgs:
    clustered = args.replicas > 1
    mounts, volumes = [config.mount, data_mount()], [config.volume]
    if args.credentials:
        mounts.append(secret_mount(SECRET_FOLDER))
        volumes.append(secret_volume(NAME))
    ports = [core.ContainerPortArgs(name=HTTP, container_port=SERVER.port)]
    if clustered:
        ports += [
            core.ContainerPortArgs(
                name=f"gossip-{protocol.lower()}", container_port=GOSSIP_PORT, protocol=protocol
            )
            for protocol in ("TCP", "UDP")
        ]
    server = container(
        NAME,
        args.image,
        args.resources,
        args=[
            f"--config.file={CONFIG_FOLDER}/{CONFIG_FILE}",
            f"--storage.path={DATA_FOLDER}",
            f"--data.retention={RETENTION}",
            *_cluster_flags(args.replicas, args.cluster_label),
        ],
        env=[field_variable(POD_IP, "status.podIP")] if clustered else None,
        ports=ports,
        volume_mounts=mounts,
        liveness_probe=http_probe("/-/healthy"),
        readiness_probe=http_probe("/-/ready"),
    )
    return template(
        NAME,
        [server, config.reloader],
        placement=args.placement,
        volumes=volumes,
        spread=clustered,
        grace_seconds=60,
        annotations=args.role,
    )
