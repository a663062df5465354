"""Amazon Managed Prometheus: the workspace that keeps metrics for longer than Prometheus does."""

from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import amp

from components.aws.identity import Statement
from components.aws.permissions import OWNER_TAG


@dataclass(frozen=True, kw_only=True)
class ManagedPrometheusArgs:
    """An existing `workspace`, by its ID, or the `environment` for which one is made.

    Without a `region`, an existing one is in the stack's. The stack's own workspace keeps samples
    for `retention_days`, and takes at most `max_series` active series, whoever writes them. With
    `protect`, it can't be deleted until somebody unprotects it.
    """

    workspace: str | None
    region: str | None
    environment: str
    retention_days: int
    max_series: int
    protect: bool


class ManagedPrometheus(pulumi.ComponentResource):
    """The workspace, and the permissions that its writers and its readers need."""

    url: Output[str]
    """Address of the API, without a slash at its end."""
    region: Output[str]
    writing: Statement
    reading: Statement

    def __init__(self, args: ManagedPrometheusArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:aws:ManagedPrometheus", "managed-prometheus", None, opts)
        if args.workspace:
            found = amp.get_workspace_output(workspace_id=args.workspace, region=args.region)
        else:
            found = _workspace(args, ResourceOptions(parent=self))
        self.url = found.prometheus_endpoint.apply(lambda endpoint: endpoint.rstrip("/"))
        self.region = found.arn.apply(lambda arn: arn.split(":")[3])
        self.writing = Statement(actions=["aps:RemoteWrite"], resources=[found.arn])
        self.reading = Statement(
            actions=[
                "aps:QueryMetrics",
                "aps:GetLabels",
                "aps:GetSeries",
                "aps:GetMetricMetadata",
            ],
            resources=[found.arn],
        )
        self.register_outputs({"url": self.url, "region": self.region})


def _workspace(args: ManagedPrometheusArgs, opts: ResourceOptions) -> amp.Workspace:
    workspace = amp.Workspace(
        "managed-prometheus",
        alias=args.environment,
        tags={OWNER_TAG: args.environment},
        opts=ResourceOptions.merge(opts, ResourceOptions(protect=args.protect)),
    )
    amp.WorkspaceConfiguration(
        "managed-prometheus",
        workspace_id=workspace.id,
        retention_period_in_days=args.retention_days,
        limits_per_label_sets=[
            amp.WorkspaceConfigurationLimitsPerLabelSetArgs(
                # The default bucket: every series that matches no other label set.
                label_set={},
                limits=amp.WorkspaceConfigurationLimitsPerLabelSetLimitsArgs(
                    max_series=args.max_series
                ),
            )
        ],
        opts=opts,
    )
    return workspace
