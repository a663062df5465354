"""Probes of public addresses from several regions of the world, by Route 53's health checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import cloudwatch, route53

from components.aws.alarm_topic import AlarmTopic, AlarmTopicArgs, Protocol
from components.aws.identity import Statement
from components.aws.permissions import OWNER_TAG, name_prefix
from components.aws.place import GLOBAL_REGION, Place

INTERVAL_SECONDS = 30
FAILURES = 3
"""An endpoint is unhealthy for a checker after this many failures in a row, and for Route 53 if at
most 18 % of the checkers find it healthy."""
READING = Statement(actions=["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"], resources=["*"])
"""What Grafana's role needs to show the results. AWS limits neither action to a resource."""


@dataclass(frozen=True, kw_only=True)
class HealthChecksArgs:
    """`endpoints` maps names to https URLs; `regions` are those of the checkers.

    Alarms notify `endpoint` by `protocol`.
    """

    place: Place
    environment: str
    endpoints: Mapping[str, str]
    regions: Sequence[str]
    protocol: Protocol
    endpoint: Output[str]


class HealthChecks(pulumi.ComponentResource):
    """A health check and an alarm for each endpoint."""

    ids: Mapping[str, Output[str]]
    """Endpoint -> ID of its health check, by which CloudWatch knows its metrics."""

    def __init__(self, args: HealthChecksArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:aws:HealthChecks", "health-checks", None, opts)
        child = ResourceOptions(parent=self)
        alarm_topic = AlarmTopic(
            "endpoint-alarm",
            AlarmTopicArgs(
                place=replace(args.place, region=GLOBAL_REGION),
                environment=args.environment,
                protocol=args.protocol,
                endpoint=args.endpoint,
            ),
            child,
        )
        self.ids = {
            name: _health_check(name, url, args, child) for name, url in args.endpoints.items()
        }
        for name, identifier in self.ids.items():
            cloudwatch.MetricAlarm(
                name,
                region=GLOBAL_REGION,
                name=f"{name_prefix(args.environment)}endpoint-{name}",
                alarm_description=(
                    f"{args.endpoints[name]} does not answer checkers in {', '.join(args.regions)}."
                ),
                namespace="AWS/Route53",
                metric_name="HealthCheckStatus",
                dimensions={"HealthCheckId": identifier},
                statistic="Minimum",
                period=60,
                evaluation_periods=2,
                comparison_operator="LessThanThreshold",
                threshold=1,
                treat_missing_data="breaching",
                alarm_actions=[alarm_topic.arn],
                ok_actions=[alarm_topic.arn],
                opts=child,
            )
        self.register_outputs({"ids": self.ids})


def _health_check(
    name: str, url: str, args: HealthChecksArgs, opts: ResourceOptions
) -> Output[str]:
    """The ID of a new health check: any status from 200 to 399 within four seconds is healthy."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return route53.HealthCheck(
        name,
        type="HTTPS",
        fqdn=parts.hostname,
        port=parts.port or 443,
        resource_path=f"{parts.path or '/'}{query}",
        enable_sni=True,
        request_interval=INTERVAL_SECONDS,
        failure_threshold=FAILURES,
        measure_latency=True,
        regions=list(args.regions),
        tags={"Name": f"{name_prefix(args.environment)}{name}", OWNER_TAG: args.environment},
        opts=opts,
    ).id
