"""kube-state-metrics: reports the state of the namespace's objects as metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.rbac import v1 as rbac

from components.kit import Server, served_deployment, service_account
from components.placement import Placement
from components.pods import HTTP, container, http_probe, template
from components.values import Resources

SERVER = Server(name="kube-state-metrics", port=8080, service_port=8080)
NAME = SERVER.name
COLLECTED = {
    "": ("persistentvolumeclaims", "pods", "resourcequotas"),
    "apps": ("deployments", "statefulsets"),
    "batch": ("cronjobs", "jobs"),
    "policy": ("poddisruptionbudgets",),
}
"""The kinds of objects that it reads and reports, by API group."""
RESOURCES = Resources(cpu="10m", memory="64Mi", memory_limit="128Mi")
"""Measured with the objects of a stack: 53 MiB, most of it the program itself."""
PODS_OF_CRON_JOBS = {
    "source_labels": ["__name__", "pod"],
    "regex": "kube_pod_.+;.+-[23][0-9]{7}-[a-z0-9]{5}",
    "action": "drop",
}
"""A relabeling that drops the series of pods of CronJobs: each run would add a dozen, and the
series of the CronJob say all that is needed. The name of a run ends with its minute since 1970. The
hash in the name of a Deployment's pod never has a 2 or a 3."""


@dataclass(frozen=True, kw_only=True)
class KubeStateMetricsArgs:
    """`metrics` are the names of the metrics to export; all others are dropped."""

    namespace: pulumi.Input[str]
    placement: Placement
    rollout_seconds: int
    image: str
    metrics: Sequence[str]


class KubeStateMetrics(pulumi.ComponentResource):
    """The Deployment `kube-state-metrics`, which may watch the objects of its own namespace.

    It stores nothing: at each start it reads everything from the API.
    """

    url: pulumi.Output[str]
    """Address inside the cluster."""

    def __init__(self, args: KubeStateMetricsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:KubeStateMetrics", NAME, None, opts)
        child = ResourceOptions(parent=self)
        service_account(NAME, args.namespace, child, rules=_watching())
        self.url = served_deployment(
            SERVER, args.namespace, _pod(args), child, rollout_seconds=args.rollout_seconds
        )
        self.register_outputs({"url": self.url})


def _watching() -> list[rbac.PolicyRuleArgs]:
    return [
        rbac.PolicyRuleArgs(api_groups=[group], resources=list(kinds), verbs=["list", "watch"])
        for group, kinds in COLLECTED.items()
    ]


def _pod(args: KubeStateMetricsArgs) -> core.PodTemplateSpecArgs:
    server = container(
        NAME,
        args.image,
        RESOURCES,
        args=[
            f"--port={SERVER.port}",
            # Nothing scrapes kube-state-metrics' own metrics.
            "--telemetry-host=127.0.0.1",
            f"--resources={','.join(kind for kinds in COLLECTED.values() for kind in kinds)}",
            pulumi.Output.concat("--namespaces=", args.namespace),
            # Each item is a pattern, and would otherwise also match longer names.
            f"--metric-allowlist={','.join(f'^{name}$' for name in args.metrics)}",
        ],
        ports=[core.ContainerPortArgs(name=HTTP, container_port=SERVER.port)],
        startup_probe=http_probe("/healthz", period_seconds=5, failures=12),
        # /livez queries the Kubernetes API. A restart would not repair the API, and would lose the
        # cached state, so a failure only makes the pod unready.
        liveness_probe=http_probe("/healthz"),
        readiness_probe=http_probe("/livez"),
    )
    return template(NAME, [server], placement=args.placement, spread=False, token=True)
