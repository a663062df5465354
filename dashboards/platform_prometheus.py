"""Panels of the dashboard "Platform" about Prometheus itself."""

from grafana_foundation_sdk.models import units

from dashboards.bands import CRITICAL, NONE_FIRING, OK
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
FAILURES = {
    "compactions_failed": "compactions",
    "head_truncations_failed": "truncations",
    "checkpoint_creations_failed": "checkpoints",
    "reloads_failures": "reloads",
}


def prometheus_panels() -> list[Panel]:
    """Whether Prometheus evaluates its rules, finds its targets and hands on its alerts."""
    return [
        reload_panel("Prometheus", "PrometheusConfigReloadFailed"),
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
        stat(
            "Starts of Prometheus",
            "How often the Prometheus pod that was started most often was started again in an "
            "hour.",
            Query('max(changes(process_start_time_seconds{job="prometheus-server"}[1h]))'),
            unit=units.NoUnit,
            alerts=["PrometheusCrashLooping"],
            when="above 2",
            width=6,
        ),
        stat(
            "Evaluations missed",
            "How many evaluations of rules were left out in 5 minutes.",
            Query("sum(increase(prometheus_rule_group_iterations_missed_total[5m]))"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusRuleEvaluationsMissed"],
            when="while it stays above 0",
            width=6,
        ),
        stat(
            "Discovery failing",
            "How many requests to the Kubernetes API for pods failed in 5 minutes, and how many "
            "discoveries could not be started.",
            Query(
                "sum(increase(prometheus_sd_kubernetes_http_request_total"
                '{status_code!~"2.."}[5m])) or vector(0)',
                "requests",
            ),
            Query("sum(increase(prometheus_sd_kubernetes_failures_total[5m]))", "watches"),
            Query("sum(prometheus_sd_failed_configs)", "not started"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusDiscoveryFailing"],
            when="while one stays above 0",
            width=12,
        ),
    ]


def storage_panels() -> list[Panel]:
    """Whether Prometheus stores its samples, and has room for them."""
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
        time_series(
            "Samples stored",
            "How many samples a second each Prometheus pod stores, and how many targets have a "
            "result of their last scrape.",
            Query(
                "sum by (pod) (rate(prometheus_tsdb_head_samples_appended_total[5m]))", "{{pod}}"
            ),
            Query("count(up)", "targets"),
            unit=units.NoUnit,
            alerts=["PrometheusNotIngesting"],
            when="at 0",
            width=12,
        ),
        stat(
            "Samples rejected",
            "How many samples were rejected in 10 minutes: duplicates, and samples whose time was "
            "wrong.",
            *(
                Query(
                    f"sum(increase(prometheus_target_scrapes_sample_{reason}_total[10m]))",
                    reason.replace("_", " "),
                )
                for reason in ("duplicate_timestamp", "out_of_order", "out_of_bounds")
            ),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusSamplesRejected"],
            when="while their sum stays above 0",
            width=12,
        ),
        stat(
            "Failures of the storage",
            "How often it failed in 3 hours to make blocks, to free memory, to shorten the "
            "write-ahead log, or to read blocks.",
            *(
                Query(f"sum(increase(prometheus_tsdb_{name}_total[3h]))", what)
                for name, what in FAILURES.items()
            ),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusCompactionsFailing"],
            when="while their sum is above 0",
            width=12,
        ),
        stat(
            "Write-ahead log corrupted",
            "How often a Prometheus pod found its write-ahead log corrupted when it started.",
            Query("sum(prometheus_tsdb_wal_corruptions_total)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PrometheusWalCorrupted"],
            width=12,
        ),
    ]


def reload_panel(server: str, alert: str) -> Panel:
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
