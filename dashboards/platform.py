"""The dashboard "Platform": whether the monitoring itself works, so that silence means health."""

from grafana_foundation_sdk.models import units

from dashboards.bands import ALL_UP, NONE_FIRING, OK, WARNING
from dashboards.frame import (
    PODS_FOUND,
    Board,
    Section,
    alerts_firing,
    alerts_over_time,
    up_over_time,
)
from dashboards.panels import Panel, Query, stat, state_timeline, time_series
from dashboards.platform_prometheus import prometheus_panels, reload_panel, storage_panels

PROGRAMS = 'integration=~"webhook|sns"'
PEOPLE = 'integration!~"webhook|sns"'

# Each prober pod has one series per probe and one for itself; this counts the pod once.
PODS = "min by (namespace, job, pod, instance) (up)"
JOBS = f"min by (namespace, job) ({PODS_FOUND})"

RELOADS_FAIL = (
    "reloader_last_reload_successful == 0"
    " or increase(reloader_watch_errors_total[10m]) > 0"
    " or increase(reloader_config_apply_operations_failed_total[10m]) > 0"
)
REFUSED = " or ".join(
    f"{gauge} == 0"
    for gauge in (
        "prometheus_config_last_reload_successful",
        "prometheus_ready",
        "alertmanager_config_last_reload_successful",
        "blackbox_exporter_config_last_reload_successful",
    )
)

SUSPENDED_COLOR = "blue"
SUSPENDED = "max by (namespace, cronjob) (kube_cronjob_spec_suspend)"
LATE = 'max by (namespace, cronjob) (ALERTS{alertname="CronJobLate", alertstate="firing"})'
SUCCESS_AGE = Query("cronjob:success_age_seconds:max", "{{cronjob}}")


def platform() -> Board:
    """Declare the dashboard."""
    return Board(
        module=__name__,
        uid="vaultmesh-platform",
        title="Platform",
        description="Prometheus, Alertmanager, Grafana, the CronJobs, and all that is scraped.",
        since="now-6h",
        sections=[
            Section("", _overview()),
            Section("Prometheus: rules and alerts", prometheus_panels()),
            Section("Prometheus: storage", storage_panels()),
            Section("Alertmanager", _alertmanager()),
            Section("CronJobs", _cron_jobs()),
            Section("Targets and alerts", _targets()),
        ],
    )


def _failed_share(ways: str) -> str:
    """The failed share of notifications by pod and integration; NaN if nothing was sent."""
    failed, every = (
        f"sum by (pod, integration) (rate(alertmanager_notifications{kind}_total{{{ways}}}[10m]))"
        for kind in ("_failed", "")
    )
    return f"{failed} / {every}"


def _no_failures(ways: str) -> str:
    """0 for each integration that has sent something, and for a pod none of whose has.

    Alertmanager has a series of every integration that it knows, configured or not.
    """
    sent = f"alertmanager_notifications_total{{{ways}}}"
    return f"0 * sum by (pod, integration) ({sent} > 0) or on (pod) 0 * sum by (pod) ({sent})"


def _given_up(what: str, ways: str, alert: str) -> Panel:
    return time_series(
        f"Notifications to {what} given up",
        f"The share of notifications to {what} that each pod gave up over 10 minutes, by "
        "integration; 0 while nothing is sent. No alert fires while another pod delivers.",
        Query(f"({_failed_share(ways)} >= 0) or {_no_failures(ways)}", "{{pod}} {{integration}}"),
        unit=units.PercentUnit,
        alerts=[alert],
        top=1,
    )


def _overview() -> list[Panel]:
    return [
        stat(
            "Targets down",
            "How many pods can't be scraped, and how many jobs have no pod at all; 0 and 0 are "
            "good.",
            Query(f"count({PODS} == 0) or vector(0)", "pods"),
            Query(f"count({JOBS} == 0) or vector(0)", "empty jobs"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PlatformTargetDown"],
            when="unless there is a Down alert of its own",
        ),
        stat(
            "Grafana up",
            "Whether Prometheus can scrape a Grafana pod; 0 % also when there is none.",
            Query('max(up{job="grafana"}) or vector(0)'),
            unit=units.PercentUnit,
            bands=ALL_UP,
            alerts=["GrafanaDown"],
        ),
        stat(
            "Rules failing",
            "How many evaluations of rules failed in 5 minutes.",
            Query("sum(increase(prometheus_rule_evaluation_failures_total[5m]))"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusRuleEvaluationFailing"],
            when="while it stays above 0",
        ),
        stat(
            "Alerts dropped",
            "How many alerts did not get to Alertmanager in 5 minutes.",
            Query("sum(increase(prometheus_notifications_dropped_total[5m]))"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusNotificationsDropped"],
            when="while it stays above 0",
        ),
        stat(
            "Notifications failing, worst way",
            "The share of notifications to people that were given up over 10 minutes, by the way "
            "(Slack, PagerDuty) that does worst.",
            Query(f"max({_failed_share(PEOPLE)} >= 0) or vector(0)"),
            unit=units.PercentUnit,
            alerts=["AlertmanagerNotificationsFailing"],
        ),
        alerts_firing(),
    ]


def _alertmanager() -> list[Panel]:
    return [
        reload_panel("Alertmanager", "AlertmanagerReloadFailed"),
        _given_up("people", PEOPLE, "AlertmanagerNotificationsFailing"),
        _given_up("programs", PROGRAMS, "AlertmanagerWebhooksFailing"),
        time_series(
            "Cluster members",
            "How many Alertmanager pods each of them sees, itself included, how many answer "
            "Prometheus, and how many there should be.",
            Query(
                "alertmanager_cluster_members or (alertmanager_cluster_enabled == 0) + 1",
                "{{pod}} sees",
            ),
            Query('count(up{job="alertmanager"} == 1) or vector(0)', "answer"),
            Query('max(kube_statefulset_replicas{statefulset="alertmanager"})', "should be"),
            unit=units.NoUnit,
            alerts=["AlertmanagerPeersDisagree", "AlertmanagerClusterDown"],
            when="where the first two differ, or when half of the pods do not answer",
        ),
        time_series(
            "Alerts and silences held",
            "How many alerts and silences each pod holds, by their state.",
            Query("alertmanager_alerts", "{{pod}} alerts {{state}}"),
            Query("alertmanager_silences", "{{pod}} silences {{state}}"),
            unit=units.NoUnit,
        ),
        time_series(
            "Notifications at harbinger",
            "How many alerts of each status arrived at harbinger in 5 minutes. The heartbeat of "
            "alerting is among them, so that this is never 0 for long.",
            Query("sum by (status) (increase(harbinger_events_total[5m]))", "{{status}}"),
            unit=units.NoUnit,
        ),
        stat(
            "Different configurations",
            "How many configurations the Alertmanager pods run on.",
            Query('count(count_values("hash", alertmanager_config_hash))'),
            unit=units.NoUnit,
            alerts=["AlertmanagerPeersDisagree"],
            when="when it is more than one for long",
            width=8,
        ),
    ]


def _cron_jobs() -> list[Panel]:
    return [
        stat(
            "CronJobs late",
            "How many CronJobs do not run or do not succeed; 0 is good.",
            Query(f"count({LATE}) or vector(0)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["CronJobLate"],
            width=6,
        ),
        stat(
            "CronJobs found",
            "How many CronJobs there are, and how many of them are suspended. "
            "One that is suspended does not run, and is not late.",
            Query(f"count({SUSPENDED}) or vector(0)", "in all"),
            Query(f"sum({SUSPENDED}) or vector(0)", "suspended"),
            unit=units.NoUnit,
            width=6,
        ),
        stat(
            "Since the last success",
            "How long ago a run of each CronJob last succeeded; if none ever has, "
            "how long ago the CronJob was made. It grows while the CronJob is suspended.",
            SUCCESS_AGE,
            unit=units.Seconds,
            width=12,
        ),
        time_series(
            "Time since the last success",
            "How old the last success of each CronJob was. It falls at each success; a line that "
            "only rises is that of a CronJob that is suspended, or late.",
            SUCCESS_AGE,
            unit=units.Seconds,
            alerts=["CronJobLate"],
            when="for one that is late",
            width=24,
        ),
        state_timeline(
            "CronJobs over time",
            "When each CronJob did its work; blue while it was suspended.",
            Query(f"2 * ({SUSPENDED} == 1) or {LATE} or 0 * {SUSPENDED}", "{{cronjob}}"),
            states={0: ("in time", OK), 1: ("late", WARNING), 2: ("suspended", SUSPENDED_COLOR)},
            no_value="No CronJob was found in this time",
            alerts=["CronJobLate"],
        ),
    ]


def _targets() -> list[Panel]:
    return [
        up_over_time(
            "Targets over time",
            "When every pod of a workload or server answered Prometheus.",
            Query("min_over_time(job:up:min[$__rate_interval])", "{{job}}"),
            alerts=["PlatformTargetDown", "GrafanaDown"],
            when="when one does not",
        ),
        time_series(
            "Pods found",
            "How many pods Prometheus finds for each of its jobs.",
            Query("max by (scrape_job) (prometheus_target_scrape_pool_targets)", "{{scrape_job}}"),
            unit=units.NoUnit,
            alerts=["PlatformTargetDown"],
            when="at 0, unless the job has a Down alert of its own",
            width=12,
        ),
        time_series(
            "Slowest scrape",
            "How long the slowest pod of each job takes to answer; at 10 s the scrape is given up.",
            Query("max by (job) (scrape_duration_seconds)", "{{job}}"),
            unit=units.Seconds,
            width=12,
        ),
        stat(
            "Grafana errors",
            "The share of requests to Grafana that ended with an error of the server in 10 "
            "minutes; 0 also while nobody asks.",
            Query(
                "sum(increase("
                'grafana_http_request_duration_seconds_count{status_code=~"5.."}[10m]))'
                " / sum(increase(grafana_http_request_duration_seconds_count[10m])) or vector(0)"
            ),
            unit=units.PercentUnit,
            alerts=["GrafanaRequestsFailing"],
            width=12,
        ),
        stat(
            "Reloads failing",
            "How many pods have a container config-reload that fails while their server is ready "
            "and does not refuse its configuration.",
            Query(f"count(({RELOADS_FAIL}) unless on (namespace, pod) ({REFUSED})) or vector(0)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["ConfigReloadFailing"],
            when="while it stays above 0",
            width=12,
        ),
        alerts_over_time(),
    ]
