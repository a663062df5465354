"""Alertmanager: groups, silences and delivers the alerts that Prometheus sends."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core

from components.alertmanager_config import CONFIG_FILE, CONFIG_FOLDER
from components.channels import SECRET_FOLDER
from components.config_reload import config_reload
from components.kit import DATA_FOLDER, DATA_MOUNT, stateful_set
from components.pods import (
    HTTP,
    Resources,
    container,
    http_probe,
    metadata,
    service_account,
    template,
)
from components.services import cluster_ip, headless_name

NAME = "alertmanager"
PORT = 9093
GOSSIP_PORT = 9094


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """`config` holds the configuration's files by name, `credentials` secrets by file name."""

    namespace: pulumi.Input[str]
    image: str
    reloader_image: str
    replicas: int
    storage: str
    storage_class: str | None
    resources: Resources
    config: Mapping[str, str]
    credentials: Mapping[str, pulumi.Output[str]]


class Alertmanager(pulumi.ComponentResource):
    """The StatefulSet `alertmanager`; its replicas gossip, so that a silence reaches them all."""

    url: pulumi.Output[str]
    """Address of the API inside the cluster."""

    def __init__(self, args: AlertmanagerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Alertmanager", NAME, None, opts)
        child = ResourceOptions(parent=self)
        namespace = args.namespace
        service_account(NAME, namespace, child)
        config = core.ConfigMap(
            NAME, metadata=metadata(NAME, namespace), data=dict(args.config), opts=child
        )
        if args.credentials:
            core.Secret(
                NAME,
                metadata=metadata(NAME, namespace),
                string_data=dict(args.credentials),
                opts=child,
            )
        service = cluster_ip(NAME, namespace, PORT, child)
        stateful_set(
            NAME,
            namespace,
            port=PORT,
            replicas=args.replicas,
            storage=args.storage,
            storage_class=args.storage_class,
            template=_pod(args, config.metadata.name),
            opts=child,
        )
        self.url = pulumi.Output.format(
            "http://{0}.{1}.svc:{2}", service.metadata.name, service.metadata.namespace, PORT
        )
        self.register_outputs({"url": self.url})


def _cluster_flags(replicas: int) -> list[str]:
    """Every replica knows every other by its stable name; a single one listens to nobody."""
    if replicas == 1:
        return ["--cluster.listen-address="]
    peers = [f"{NAME}-{number}.{headless_name(NAME)}" for number in range(replicas)]
    return [
        f"--cluster.listen-address=0.0.0.0:{GOSSIP_PORT}",
        # A pod that is replaced has another address; the old one need not be tried for hours.
        "--cluster.reconnect-timeout=5m",
        *(f"--cluster.peer={peer}:{GOSSIP_PORT}" for peer in peers),
    ]


def _pod(args: AlertmanagerArgs, config_map: pulumi.Output[str]) -> core.PodTemplateSpecArgs:
    clustered = args.replicas > 1
    config_mount = core.VolumeMountArgs(name="config", mount_path=CONFIG_FOLDER, read_only=True)
    mounts = [config_mount, DATA_MOUNT]
    volumes = [
        core.VolumeArgs(name="config", config_map=core.ConfigMapVolumeSourceArgs(name=config_map))
    ]
    if args.credentials:
        mounts.append(
            core.VolumeMountArgs(name="credentials", mount_path=SECRET_FOLDER, read_only=True)
        )
        volumes.append(
            core.VolumeArgs(
                name="credentials", secret=core.SecretVolumeSourceArgs(secret_name=NAME)
            )
        )
    ports = [core.ContainerPortArgs(name=HTTP, container_port=PORT)]
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
            *_cluster_flags(args.replicas),
        ],
        ports=ports,
        volume_mounts=mounts,
        liveness_probe=http_probe("/-/healthy"),
        readiness_probe=http_probe("/-/ready"),
    )
    reload = config_reload(
        args.reloader_image, port=PORT, folder=CONFIG_FOLDER, mounts=[config_mount]
    )
    return template(NAME, [server, reload], volumes=volumes, spread=clustered, grace_seconds=60)
