"""Prometheus: scrapes the pods, evaluates the rules, sends alerts to Alertmanager."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.rbac import v1 as rbac

from components.access import allow
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
    variables,
)
from components.prometheus_config import CONFIG_FILE, CONFIG_FOLDER
from components.services import cluster_ip

NAME = "prometheus-server"
PORT = 9090
SERVICE_PORT = 80
WAL_REPLAY_SECONDS = 30 * 60
"""Longest wait for a start: replaying the write-ahead log of a busy server takes minutes."""
DISCOVERY = rbac.PolicyRuleArgs(
    api_groups=[""], resources=["pods", "services", "endpoints"], verbs=["get", "list", "watch"]
)
"""What service discovery reads."""


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """`config` maps the keys of the ConfigMap (file names) to their text."""

    namespace: pulumi.Input[str]
    image: str
    reloader_image: str
    replicas: int
    storage: str
    storage_class: str | None
    resources: Resources
    config: Mapping[str, str]


class Prometheus(pulumi.ComponentResource):
    """The StatefulSet `prometheus-server`, its configuration and its right to find pods."""

    url: pulumi.Output[str]
    """Address of the API inside the cluster."""

    def __init__(self, args: PrometheusArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Prometheus", "prometheus", None, opts)
        child = ResourceOptions(parent=self)
        namespace = args.namespace
        account = service_account(NAME, namespace, child)
        allow(NAME, namespace, account, [DISCOVERY], child)
        config = core.ConfigMap(
            NAME, metadata=metadata(NAME, namespace), data=args.config, opts=child
        )
        service = cluster_ip(NAME, namespace, SERVICE_PORT, child)
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
            "http://{0}.{1}.svc", service.metadata.name, service.metadata.namespace
        )
        self.register_outputs({"url": self.url})


def _pod(args: PrometheusArgs, config_map: pulumi.Output[str]) -> core.PodTemplateSpecArgs:
    config_mount = core.VolumeMountArgs(name="config", mount_path=CONFIG_FOLDER, read_only=True)
    server = container(
        NAME,
        args.image,
        args.resources,
        args=[
            f"--config.file={CONFIG_FOLDER}/{CONFIG_FILE}",
            f"--storage.tsdb.path={DATA_FOLDER}",
            "--web.enable-lifecycle",
        ],
        env=variables({}),
        ports=[core.ContainerPortArgs(name=HTTP, container_port=PORT)],
        volume_mounts=[config_mount, DATA_MOUNT],
        startup_probe=http_probe("/-/ready", period_seconds=15, failures=WAL_REPLAY_SECONDS // 15),
        liveness_probe=http_probe("/-/healthy"),
        readiness_probe=http_probe("/-/ready"),
    )
    reload = config_reload(
        args.reloader_image, port=PORT, folder=CONFIG_FOLDER, mounts=[config_mount]
    )
    config = core.VolumeArgs(
        name="config", config_map=core.ConfigMapVolumeSourceArgs(name=config_map)
    )
    return template(
        NAME,
        [server, reload],
        volumes=[config],
        spread=args.replicas > 1,
        token=True,
        grace_seconds=120,
    )
