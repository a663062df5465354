"""Grafana: shows the dashboards; keeps nothing of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.grafana_config import PASSWORD_FILE
from components.grafana_config import PORT as PORT
from components.grafana_pod import NAME as NAME
from components.grafana_pod import config_key, dashboard_name, pod
from components.pods import HTTP, Resources, labels, metadata, selector, service_account
from components.services import cluster_ip

SERVICE_PORT = 80
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 and 1.3; the controller's own default still takes 1.0."""


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """TLS on port 443 with `certificate_arn`, for clients in `source_ranges` (CIDR) alone.

    `scheme` is internal (addresses of the VPC) or internet-facing.
    """

    domain: str
    certificate_arn: str
    source_ranges: tuple[str, ...]
    scheme: str


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """`files` maps paths below CONFIG_FOLDER to texts, `dashboards` file names to JSON."""

    namespace: pulumi.Input[str]
    image: str
    resources: Resources
    files: Mapping[str, str]
    dashboards: Mapping[str, str]
    admin_password: pulumi.Output[str]
    load_balancer: LoadBalancer | None


class Grafana(pulumi.ComponentResource):
    """The Deployment `grafana`, its configuration, its dashboards and its address.

    Its database is new at each start: the admin password always is the one in the Secret, and only
    what is provisioned survives.
    """

    url: pulumi.Output[str]
    """Where users find it: the public address if it has one, else the one inside the cluster."""

    def __init__(self, args: GrafanaArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Grafana", NAME, None, opts)
        child = ResourceOptions(parent=self)
        namespace = args.namespace
        service_account(NAME, namespace, child)
        core.Secret(
            NAME,
            metadata=metadata(NAME, namespace),
            string_data={PASSWORD_FILE: args.admin_password},
            opts=child,
        )
        config = core.ConfigMap(
            NAME,
            metadata=metadata(NAME, namespace),
            data={config_key(path): text for path, text in args.files.items()},
            opts=child,
        )
        for file_name, text in args.dashboards.items():
            name = dashboard_name(file_name)
            core.ConfigMap(
                name, metadata=metadata(name, namespace), data={file_name: text}, opts=child
            )
        apps.Deployment(
            NAME,
            metadata=metadata(NAME, namespace),
            spec=apps.DeploymentSpecArgs(
                replicas=1,
                selector=meta.LabelSelectorArgs(match_labels=selector(NAME)),
                template=pod(
                    args.image,
                    args.resources,
                    config.metadata.name,
                    args.files,
                    list(args.dashboards),
                ),
            ),
            opts=child,
        )
        self.url = self._serve(args, child)
        self.register_outputs({"url": self.url})

    def _serve(self, args: GrafanaArgs, child: ResourceOptions) -> pulumi.Output[str]:
        if args.load_balancer is None:
            service = cluster_ip(NAME, args.namespace, SERVICE_PORT, child)
            return pulumi.Output.format(
                "http://{0}.{1}.svc", service.metadata.name, service.metadata.namespace
            )
        _load_balancer(args.namespace, args.load_balancer, child)
        return pulumi.Output.from_input(f"https://{args.load_balancer.domain}")


def _load_balancer(
    namespace: pulumi.Input[str], balancer: LoadBalancer, child: ResourceOptions
) -> None:
    """A network load balancer that ends TLS; its security group lets the source ranges in."""
    annotations = {
        "type": "external",
        "nlb-target-type": "ip",
        "scheme": balancer.scheme,
        "ssl-cert": balancer.certificate_arn,
        "ssl-ports": "443",
        "ssl-negotiation-policy": TLS_POLICY,
    }
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    core.Service(
        NAME,
        metadata=meta.ObjectMetaArgs(
            name=NAME,
            namespace=namespace,
            labels=labels(NAME),
            annotations={f"{prefix}-{key}": value for key, value in annotations.items()},
        ),
        spec=core.ServiceSpecArgs(
            type="LoadBalancer",
            load_balancer_source_ranges=list(balancer.source_ranges),
            selector=selector(NAME),
            ports=[core.ServicePortArgs(name=HTTP, port=443, target_port=HTTP)],
        ),
        opts=child,
    )
