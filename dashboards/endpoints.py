"""The dashboard "Endpoints": what Route 53's checkers around the world get from public addresses.

It exists only in stacks with health checks. Its data comes from CloudWatch, not from Prometheus.
"""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import cloudwatch
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.cloudwatch import MetricEditorMode, MetricQueryType, QueryMode

from dashboards.frame import Board, Section
from dashboards.panels import Panel, state_timeline, time_series

CLOUDWATCH_UID = "cloudwatch"
"""The uid of the CloudWatch data source in Grafana."""
DATASOURCE = options.DataSourceRef(type_val="cloudwatch", uid=CLOUDWATCH_UID)
PERIOD_SECONDS = 60


def id_placeholder(endpoint: str) -> str:
    """What stands in the dashboard for the ID of a health check, which AWS decides."""
    return f"health-check({endpoint})"


def endpoints(names: Sequence[str], region: str) -> Board:
    """Declare the dashboard of these endpoints; `region` has the metrics of Route 53."""
    return Board(
        module=__name__,
        uid="vaultmesh-endpoints",
        title="Endpoints",
        description="Public addresses as checkers of Route 53 in several regions see them.",
        since="now-6h",
        sections=[
            Section("Healthy", [_healthy(names, region)]),
            Section("Time to the first byte", [_times(name, region) for name in names]),
        ],
    )


def _healthy(names: Sequence[str], region: str) -> Panel:
    return state_timeline(
        "Endpoints over time",
        "When most checkers got a good answer from each endpoint.",
        *(_query(name, region, "HealthCheckStatus", "Minimum", name) for name in names),
        states={1: ("healthy", "green"), 0: ("unhealthy", "red")},
        no_value="no data from CloudWatch",
        datasource=DATASOURCE,
    )


def _times(name: str, region: str) -> Panel:
    return time_series(
        name,
        "How long checkers in each region waited for the first byte of the answer.",
        _query(name, region, "TimeToFirstByte", "Average", "${PROP('Dim.Region')}", Region="*"),
        unit=units.Milliseconds,
        datasource=DATASOURCE,
    )


def _query(
    endpoint: str, region: str, metric: str, statistic: str, label: str, **dimensions: str
) -> cloudwatch.MetricsQuery:
    query = cloudwatch.MetricsQuery().query_mode(QueryMode.METRICS).region(region)
    query.metric_query_type(MetricQueryType.SEARCH).metric_editor_mode(MetricEditorMode.BUILDER)
    query.namespace("AWS/Route53").metric_name(metric).statistic(statistic).match_exact(True)
    query.dimensions({"HealthCheckId": id_placeholder(endpoint), **dimensions})
    return query.period(str(PERIOD_SECONDS)).label(label).datasource(DATASOURCE)
