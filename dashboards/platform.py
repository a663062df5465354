"""The dashboard "Platform": whether the monitoring itself works, so that silence means health."""

from grafana_foundation_sdk.models import units

from dashboards.bands import ALL_UP, CRITICAL, NONE_FIRING, OK, WARNING
from dashboards.frame import Board, Section, alerts_firing, alerts_over_time, up_over_time
from dashboards.panels import Panel, Query, stat, state_timeline, time_series

SIZES = {
    "blocks": "prometheus_tsdb_storage_blocks_bytes",
    "write-ahead log": "prometheus_tsdb_wal_storage_size_bytes",
    "head chunks": "prometheus_tsdb_head_chunks_storage_size_bytes",
}
LIMIT = "prometheus_tsdb_retention_limit_bytes"
QUEUED = "prometheus_remote_storage_queue_highest_timestamp_seconds"
REFUSED = "prometheus_remote_storage_samples_failed_total"
SENT = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds"

PROGRAMS = 'integration=~"webhook|sns"'
PEOPLE = 'integration!~"webhook|sns"'

# Each prober pod has one series per probe and one for itself; this counts the pod once.
PODS = "min by (namespace, job, pod, instance) (up)"
JOBS = (
    "min by (namespace, job) (label_replace("
    'prometheus_target_scrape_pool_targets, "job", "$1", "scrape_job", "([^/]+).*"))'
)
"""Number of pods of each job; the scrape job of a probe is called `job/probe`."""

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
            Section("Prometheus: rules and alerts", _prometheus()),
            Section("Prometheus: storage", _storage()),
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
    """0 for what has sent something: Alertmanager has a series of every kind that it knows."""
    return f"0 * sum by (pod, integration) (alertmanager_notifications_total{{{ways}}} > 0)"


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


def _prometheus() -> list[Panel]:
    return [
        _reload_panel("Prometheus", "PrometheusConfigReloadFailed"),
        time_series(
            "Time to evaluate rules",
            "The share of its interval that a group of rules needs, on average over 5 minutes.",
            Query(
                "max by (rule_group) ("
                "avg_over_time(prometheus_rule_group_last_duration_seconds[5m])"
                " / prometheus_rule_group_interval_seconds)",
                "{{rule_group}}",
            ),
            unit=units.PercentUnit,
            alerts=["PrometheusRuleEvaluationSlow"],
            top=1,
        ),
        time_series(
            "Failed evaluations",
            "How many evaluations of a group's rules failed in 5 minutes.",
            Query(
                "sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[5m]))",
                "{{rule_group}}",
            ),
            unit=units.NoUnit,
            alerts=["PrometheusRuleEvaluationFailing"],
            when="while it stays above 0",
        ),
        time_series(
            "Alerts to Alertmanager",
            "How many alerts each Prometheus pod handed over in 5 minutes, and how many it "
            "dropped.",
            Query(
                "sum by (pod) (increase(prometheus_notifications_sent_total[5m]))", "{{pod}} sent"
            ),
            Query(
                "sum by (pod) (increase(prometheus_notifications_dropped_total[5m]))",
                "{{pod}} dropped",
            ),
            unit=units.NoUnit,
            alerts=["PrometheusNotificationsDropped"],
            when="when it goes on dropping",
        ),
        stat(
            "Alertmanagers found",
            "How many Alertmanager pods the Prometheus pod that finds fewest sends its alerts to.",
            Query("min(prometheus_notifications_alertmanagers_discovered)"),
            unit=units.NoUnit,
            alerts=["PrometheusNotificationsDropped"],
            when="at 0",
            width=8,
        ),
        stat(
            "Remote write behind",
            "How old the oldest sample is that waits to be sent to the long-term store; 0 also "
            "where there is no remote write.",
            Query(f"max({QUEUED} - {SENT}) or vector(0)"),
            unit=units.Seconds,
            alerts=["PrometheusRemoteWriteBehind"],
            width=8,
        ),
        stat(
            "Remote write refused",
            "How many samples the long-term store refused for good in 5 minutes; 0 also where "
            "there is no remote write.",
            Query(f"sum(increase({REFUSED}[5m])) or vector(0)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusRemoteWriteFailing"],
            when="while it stays above 0",
            width=8,
        ),
    ]


def _storage() -> list[Panel]:
    forecast = " + ".join(f"predict_linear({name}[6h], 86400)" for name in SIZES.values())
    used = " + ".join(SIZES.values())
    return [
        time_series(
            "Space for samples",
            "The share of the space that is in use, and the one in a day at the pace of the last "
            "6 hours. No alert fires until 60 % are in use.",
            Query(f"({used}) / {LIMIT}", "{{pod}} now"),
            Query(f"({forecast}) / {LIMIT}", "{{pod}} in a day"),
            unit=units.PercentUnit,
            alerts=["PrometheusStorageFilling"],
            top=1,
        ),
        time_series(
            "What takes the space",
            "The size of all blocks, of the write-ahead log, and of the chunks that are in no "
            "block yet. The last two rise and fall every two hours.",
            *(Query(name, f"{{{{pod}}}} {what}") for what, name in SIZES.items()),
            unit=units.BytesIEC,
        ),
        time_series(
            "Series in memory",
            "How many series each Prometheus pod holds; a sudden rise means that a label has got "
            "many more values.",
            Query("prometheus_tsdb_head_series", "{{pod}}"),
            unit=units.NoUnit,
        ),
        stat(
            "Write-ahead log corrupted",
            "How often a Prometheus pod found its write-ahead log corrupted when it started.",
            Query("sum(prometheus_tsdb_wal_corruptions_total)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusWalCorrupted"],
            width=24,
        ),
    ]


def _alertmanager() -> list[Panel]:
    return [
        _reload_panel("Alertmanager", "AlertmanagerReloadFailed"),
        _given_up("people", PEOPLE, "AlertmanagerNotificationsFailing"),
        _given_up("programs", PROGRAMS, "AlertmanagerWebhooksFailing"),
        time_series(
            "Cluster members",
            "How many Alertmanager pods each of them sees, itself included, and how many answer "
            "Prometheus.",
            Query(
                "alertmanager_cluster_members or (alertmanager_cluster_enabled == 0) + 1",
                "{{pod}} sees",
            ),
            Query('count(up{job="alertmanager"} == 1) or vector(0)', "answer"),
            unit=units.NoUnit,
            alerts=["AlertmanagerPeersDisagree", "AlertmanagerHalfGone"],
            when="where the two differ, or when half of the pods do not answer",
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
            Query("min by (job) (up)", "{{job}}"),
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
        alerts_over_time(),
    ]


def _reload_panel(server: str, alert: str) -> Panel:
    """Show when each pod of a server could load its latest configuration, and when it could not."""
    return state_timeline(
        f"{server}: configuration",
        "Whether each pod could load the configuration that it was given last. If not, it runs on "
        "the one before.",
        Query(f"{server.lower()}_config_last_reload_successful", "{{pod}}"),
        states={1: ("loaded", OK), 0: ("refused", CRITICAL)},
        no_value="Nothing was found to scrape in this time",
        alerts=[alert],
    )
