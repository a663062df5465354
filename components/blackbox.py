"""The blackbox exporter: asks the services what their users would ask, when Prometheus says so."""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.blackbox_config import CONFIG_FILE, CONFIG_FOLDER
from components.config_reload import config_reload
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
)
from components.services import cluster_ip

NAME = "blackbox-exporter"
PORT = 9115


@dataclass(frozen=True, kw_only=True)
class BlackboxArgs:
    """`config` is the text of blackbox.yml."""

    namespace: pulumi.Input[str]
    image: str
    reloader_image: str
    replicas: int
    resources: Resources
    config: str


class Blackbox(pulumi.ComponentResource):
    """The Deployment `blackbox-exporter`; each replica makes every probe, from its own node."""

    url: pulumi.Output[str]
    """Address inside the cluster."""

    def __init__(self, args: BlackboxArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Blackbox", NAME, None, opts)
        child = ResourceOptions(parent=self)
        namespace = args.namespace
        service_account(NAME, namespace, child)
        config = core.ConfigMap(
            NAME, metadata=metadata(NAME, namespace), data={CONFIG_FILE: args.config}, opts=child
        )
        service = cluster_ip(NAME, namespace, PORT, child)
        if args.replicas > 1:
            disruption_budget(NAME, namespace, child)
        apps.Deployment(
            NAME,
            metadata=metadata(NAME, namespace),
            spec=apps.DeploymentSpecArgs(
                replicas=args.replicas,
                selector=meta.LabelSelectorArgs(match_labels=selector(NAME)),
                template=_pod(args, config.metadata.name),
            ),
            opts=child,
        )
        self.url = pulumi.Output.format(
            "http://{0}.{1}.svc:{2}", service.metadata.name, service.metadata.namespace, PORT
        )
        self.register_outputs({"url": self.url})


def _pod(args: BlackboxArgs, config_map: pulumi.Output[str]) -> core.PodTemplateSpecArgs:
    config_mount = core.VolumeMountArgs(name="config", mount_path=CONFIG_FOLDER, read_only=True)
    server = container(
        NAME,
        args.image,
        args.resources,
        args=[f"--config.file={CONFIG_FOLDER}/{CONFIG_FILE}"],
        ports=[core.ContainerPortArgs(name=HTTP, container_port=PORT)],
        volume_mounts=[config_mount],
        startup_probe=http_probe("/-/healthy", period_seconds=2, failures=30),
        liveness_probe=http_probe("/-/healthy"),
        readiness_probe=http_probe("/-/healthy", period_seconds=5),
    )
    reload = config_reload(
        args.reloader_image, port=PORT, folder=CONFIG_FOLDER, mounts=[config_mount]
    )
    config = core.VolumeArgs(
        name="config", config_map=core.ConfigMapVolumeSourceArgs(name=config_map)
    )
    return template(NAME, [server, reload], volumes=[config], spread=args.replicas > 1)
