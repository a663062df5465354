"""kube-state-metrics: tells what the Kubernetes API knows of the CronJobs, as metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta
from pulumi_kubernetes.rbac import v1 as rbac

from components.access import allow
from components.pods import (
    HTTP,
    Resources,
    container,
    http_probe,
    metadata,
    selector,
    service_account,
    template,
)
from components.services import cluster_ip

NAME = "kube-state-metrics"
PORT = 8080
COLLECTED = "cronjobs"
"""The one kind of object that it reads and reports."""
RESOURCES = Resources(cpu="10m", memory="64Mi", memory_limit="128Mi", ephemeral_storage="32Mi")
"""Measured with three CronJobs: 52 MiB, most of it the program itself."""


@dataclass(frozen=True, kw_only=True)
class KubeStateMetricsArgs:
    """`metrics` are the names of those that it is to give; of the others there is none."""

    namespace: pulumi.Input[str]
    image: str
    metrics: Sequence[str]


class KubeStateMetrics(pulumi.ComponentResource):
    """The Deployment `kube-state-metrics`, and its right to watch the CronJobs of its namespace.

    It keeps nothing: what it tells is read anew from the API at each start.
    """

    url: pulumi.Output[str]
    """Address inside the cluster."""

    def __init__(self, args: KubeStateMetricsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:KubeStateMetrics", NAME, None, opts)
        child = ResourceOptions(parent=self)
        namespace = args.namespace
        account = service_account(NAME, namespace, child)
        watch = rbac.PolicyRuleArgs(
            api_groups=["batch"], resources=[COLLECTED], verbs=["list", "watch"]
        )
        allow(NAME, namespace, account, [watch], child)
        service = cluster_ip(NAME, namespace, PORT, child)
        apps.Deployment(
            NAME,
            metadata=metadata(NAME, namespace),
            spec=apps.DeploymentSpecArgs(
                replicas=1,
                selector=meta.LabelSelectorArgs(match_labels=selector(NAME)),
                template=_pod(args),
            ),
            opts=child,
        )
        self.url = pulumi.Output.format(
            "http://{0}.{1}.svc:{2}", service.metadata.name, service.metadata.namespace, PORT
        )
        self.register_outputs({"url": self.url})


def _pod(args: KubeStateMetricsArgs) -> core.PodTemplateSpecArgs:
    server = container(
        NAME,
        args.image,
        RESOURCES,
        args=[
            f"--port={PORT}",
            # Metrics of itself, which nobody asks for, are for no other pod.
            "--telemetry-host=127.0.0.1",
            f"--resources={COLLECTED}",
            pulumi.Output.concat("--namespaces=", args.namespace),
            f"--metric-allowlist={','.join(args.metrics)}",
        ],
        ports=[core.ContainerPortArgs(name=HTTP, container_port=PORT)],
        startup_probe=http_probe("/healthz", period_seconds=5, failures=12),
        # /livez asks the Kubernetes API. While that is away a restart would only lose what is
        # known, so it makes the pod not ready, and no more.
        liveness_probe=http_probe("/healthz"),
        readiness_probe=http_probe("/livez"),
    )
    return template(NAME, [server], spread=False, token=True)
