"""Grafana: shows the dashboards, and stores nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.grafana_access import Exposure
from components.grafana_config import (
    CONFIG_FOLDER,
    DASHBOARD_FOLDER,
    PROVISIONING,
    SECRET_FOLDER,
    SERVER,
)
from components.kit import cluster_ip, deployment, rolling_out, service_account
from components.placement import Placement
from components.pods import (
    HTTP,
    container,
    http_probe,
    labels,
    metadata,
    secret_mount,
    secret_volume,
    selector,
    template,
)
from components.values import Resources

NAME = SERVER.name
LOAD_BALANCER = f"{NAME}-load-balancer"
"""The name of the Service through which people outside reach Grafana."""
DATA_FOLDER = "/var/lib/grafana"
"""The image's default folder for its database and plugins."""
SCRATCH = "256Mi"
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""Allows TLS 1.2 and 1.3; the load balancer controller's default policy still allows 1.0."""


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """`files` maps paths below CONFIG_FOLDER to texts, `dashboards` file names to JSON.

    `credentials` maps names of files below SECRET_FOLDER to secrets. `role` are the annotations
    that give the pods an IAM role, if they have one.
    """

    namespace: pulumi.Input[str]
    placement: Placement
    rollout_seconds: int
    image: str
    resources: Resources
    files: Mapping[str, pulumi.Input[str]]
    dashboards: Mapping[str, pulumi.Input[str]]
    credentials: Mapping[str, pulumi.Output[str]]
    exposure: Exposure
    role: Mapping[str, pulumi.Input[str]] | None


class Grafana(pulumi.ComponentResource):
    """The Deployment `grafana`, its configuration, its dashboards and its address.

    Each start creates a new database, so the admin password is always the one in the Secret, and
    only provisioned dashboards and data sources survive.
    """

    url: pulumi.Output[str]
    """The public address if it has one, else the address inside the cluster."""

    def __init__(self, args: GrafanaArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Grafana", NAME, None, opts)
        child = ResourceOptions(parent=self)
        namespace = args.namespace
        service_account(NAME, namespace, child, annotations=args.role)
        core.Secret(
            NAME,
            metadata=metadata(NAME, namespace),
            string_data=dict(args.credentials),
            opts=child,
        )
        config = core.ConfigMap(
            NAME,
            metadata=metadata(NAME, namespace),
            data={_config_key(path): text for path, text in args.files.items()},
            opts=child,
        )
        for file_name, text in args.dashboards.items():
            name = _dashboard_name(file_name)
            core.ConfigMap(
                name, metadata=metadata(name, namespace), data={file_name: text}, opts=child
            )
        pod, seconds = _pod(args, config.metadata.name), args.rollout_seconds
        deployment(NAME, namespace, pod, child, rollout_seconds=seconds)
        self.url = cluster_ip(SERVER, namespace, child, rollout_seconds=seconds)
        if not args.exposure.is_internal:
            _load_balancer(namespace, args.exposure, rolling_out(child, seconds))
            self.url = pulumi.Output.from_input(f"https://{args.exposure.domain}")
        self.register_outputs({"url": self.url})


def _load_balancer(namespace: pulumi.Input[str], exposure: Exposure, opts: ResourceOptions) -> None:
    """A network load balancer that terminates TLS on port 443, its only one.

    It is a Service of its own, because AWS' controllers take over none that exists. Its security
    group admits only the source ranges.
    """
    annotations = {
        "nlb-target-type": "ip",
        "scheme": exposure.scheme,
        "ssl-cert": exposure.certificate_arn,
        "ssl-ports": "443",
        "ssl-negotiation-policy": TLS_POLICY,
        # Traffic comes from the load balancer's own addresses, which the policy admits.
        "target-group-attributes": "preserve_client_ip.enabled=false",
    }
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    core.Service(
        LOAD_BALANCER,
        metadata=meta.ObjectMetaArgs(
            name=LOAD_BALANCER,
            namespace=namespace,
            labels=labels(NAME),
            annotations={f"{prefix}-{key}": value for key, value in annotations.items()},
        ),
        spec=core.ServiceSpecArgs(
            type="LoadBalancer",
            load_balancer_class=exposure.load_balancer_class,
            load_balancer_source_ranges=list(exposure.source_ranges),
            # A node's port would be a way in without TLS, past the source ranges.
            allocate_load_balancer_node_ports=False,
            selector=selector(NAME),
            ports=[core.ServicePortArgs(name=HTTP, port=443, target_port=HTTP)],
        ),
        opts=opts,
    )


def _config_key(path: str) -> str:
    """The ConfigMap key of a path. Keys cannot contain a slash; the volume restores the path."""
    return path.replace("/", "_")


def _dashboard_name(file_name: str) -> str:
    """Name of the ConfigMap that holds one dashboard."""
    return f"dashboard-{file_name.removesuffix('.json')}"


def _pod(args: GrafanaArgs, config_map: pulumi.Input[str]) -> core.PodTemplateSpecArgs:
    """The pod: configuration and dashboards mounted read-only, the database on scratch space.

    `config_map` is the ConfigMap's output, so that pods roll only after it has been updated.
    """
    config = core.VolumeArgs(
        name="config",
        config_map=core.ConfigMapVolumeSourceArgs(
            name=config_map,
            items=[core.KeyToPathArgs(key=_config_key(path), path=path) for path in args.files],
        ),
    )
    boards = core.VolumeArgs(
        name="dashboards",
        projected=core.ProjectedVolumeSourceArgs(
            sources=[
                core.VolumeProjectionArgs(
                    config_map=core.ConfigMapProjectionArgs(name=_dashboard_name(file_name))
                )
                for file_name in args.dashboards
            ]
        ),
    )
    scratch = core.VolumeArgs(
        name="scratch",
        empty_dir=core.EmptyDirVolumeSourceArgs(size_limit=SCRATCH),
    )
    server = container(
        NAME,
        args.image,
        args.resources,
        env=[
            core.EnvVarArgs(name="GF_PATHS_CONFIG", value=f"{CONFIG_FOLDER}/grafana.ini"),
            # The image sets this variable, and variables override grafana.ini, so override it here.
            core.EnvVarArgs(name="GF_PATHS_PROVISIONING", value=f"{CONFIG_FOLDER}/{PROVISIONING}"),
        ],
        ports=[core.ContainerPortArgs(name=HTTP, container_port=SERVER.port)],
        volume_mounts=[
            core.VolumeMountArgs(name="config", mount_path=CONFIG_FOLDER, read_only=True),
            core.VolumeMountArgs(name="dashboards", mount_path=DASHBOARD_FOLDER, read_only=True),
            secret_mount(SECRET_FOLDER),
            core.VolumeMountArgs(name="scratch", mount_path=DATA_FOLDER, sub_path="data"),
            core.VolumeMountArgs(name="scratch", mount_path="/tmp", sub_path="tmp"),
        ],
        startup_probe=http_probe("/api/health", period_seconds=5, failures=60),
        liveness_probe=http_probe("/api/health"),
        readiness_probe=http_probe("/api/health", period_seconds=5),
    )
    return template(
        NAME,
        [server],
        placement=args.placement,
        volumes=[config, boards, secret_volume(NAME), scratch],
        spread=False,
        annotations={
            "vaultmesh.io/config-hash": pulumi.Output.all(**args.files).apply(_digest),
            **(args.role or {}),
        },
    )


def _digest(files: Mapping[str, str]) -> str:
    """A hash of all files. It makes pods roll if one changes: Grafana reads them only at start."""
    text = "\0".join(f"{path}\0{files[path]}" for path in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
