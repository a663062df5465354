"""The dashboard "Platform": the monitoring itself, so that its silence can be believed."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.bands import ALL_UP, NONE_FIRING, Thresholds, above
from dashboards.frame import Section, frame
from dashboards.health import alerts_firing, alerts_over_time, up_over_time
from dashboards.panels import Panel, Query, now, over_time
from dashboards.platform_alertmanager import FAILED_SHARE, alertmanager_panels
from dashboards.platform_prometheus import prometheus_panels, storage_panels

FILENAME = "platform.json"


def build(thresholds: Thresholds) -> dashboard.Dashboard:
    """Build the dashboard, with the given alert thresholds drawn in."""
    return frame(
        uid="vaultmesh-platform",
        title="Platform",
        description="Prometheus, Alertmanager and Grafana themselves, and all that is scraped.",
        since="now-6h",
        sections=[
            Section("", _overview(thresholds)),
            Section("Prometheus: rules and alerts", prometheus_panels(thresholds)),
            Section("Prometheus: storage", storage_panels(thresholds)),
            Section("Alertmanager", alertmanager_panels(thresholds)),
            Section("Targets and alerts", _targets()),
        ],
    )


def _overview(thresholds: Thresholds) -> list[Panel]:
    return [
        now(
            "Targets down",
            "How many pods can't be scraped, and how many jobs have no pod at all; 0 and 0 are "
            "good. PlatformTargetDown fires, unless there is a Down alert of its own.",
            Query("count(up == 0) or vector(0)", "pods"),
            Query("count(prometheus_target_scrape_pool_targets == 0) or vector(0)", "empty jobs"),
            unit="none",
            bands=NONE_FIRING,
        ),
        now(
            "Grafana up",
            "Whether Prometheus can scrape a Grafana pod; 0 % also when there is none. "
            "Red: GrafanaDown fires.",
            Query('max(up{job="grafana"}) or vector(0)'),
            unit="percentunit",
            bands=ALL_UP,
        ),
        now(
            "Rules failing",
            "How many evaluations of rules failed in 5 minutes. While it stays above 0, "
            "PrometheusRuleEvaluationFailing fires.",
            Query("sum(increase(prometheus_rule_evaluation_failures_total[5m]))"),
            unit="none",
            bands=NONE_FIRING,
        ),
        now(
            "Alerts dropped",
            "How many alerts did not get to Alertmanager in 5 minutes. While it stays above 0, "
            "PrometheusNotificationsDropped fires.",
            Query("sum(increase(prometheus_notifications_dropped_total[5m]))"),
            unit="none",
            bands=NONE_FIRING,
        ),
        now(
            "Notifications failing, worst way",
            "The share of notifications that were given up over 10 minutes, by the way (Slack, "
            "PagerDuty, webhook) that does worst. Red: AlertmanagerNotificationsFailing fires.",
            Query(f"max({FAILED_SHARE} >= 0) or vector(0)"),
            unit="percentunit",
            bands=above(thresholds, critical="AlertmanagerNotificationsFailing"),
        ),
        alerts_firing(),
    ]


def _targets() -> list[Panel]:
    return [
        up_over_time(
            "Targets over time",
            "When every pod of a workload or server answered Prometheus. PlatformTargetDown and "
            "GrafanaDown fire when one does not.",
            Query("min by (job) (up)", "{{job}}"),
        ),
        over_time(
            "Pods found",
            "How many pods Prometheus finds for each of its jobs. At 0 PlatformTargetDown fires, "
            "or the Down alert of the job.",
            Query("max by (scrape_job) (prometheus_target_scrape_pool_targets)", "{{scrape_job}}"),
            unit="none",
            width=12,
        ),
        over_time(
            "Slowest scrape",
            "How long the slowest pod of each job takes to answer; at 10 s the scrape is given up.",
            Query("max by (job) (scrape_duration_seconds)", "{{job}}"),
            unit="s",
            width=12,
        ),
        alerts_over_time(),
    ]
