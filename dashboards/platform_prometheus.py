"""The panels on Prometheus, for the dashboard "Platform"."""

from grafana_foundation_sdk.builders import statetimeline

from dashboards.bands import CRITICAL, NONE_FIRING, OK, Thresholds, above
from dashboards.panels import Panel, Query, now, over_time, states

_SIZES = {
    "blocks": "prometheus_tsdb_storage_blocks_bytes",
    "write-ahead log": "prometheus_tsdb_wal_storage_size_bytes",
    "head chunks": "prometheus_tsdb_head_chunks_storage_size_bytes",
}
_LIMIT = "prometheus_tsdb_retention_limit_bytes"
_QUEUED = "prometheus_remote_storage_queue_highest_timestamp_seconds"
_SENT = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds"


def prometheus_panels(thresholds: Thresholds) -> list[Panel]:
    """Whether the configuration is loaded, the rules are evaluated, and the alerts are sent."""
    return [
        loaded("Prometheus", "PrometheusConfigReloadFailed"),
        over_time(
            "Time to evaluate rules",
            "The share of its interval that a group of rules needs, on average over 5 minutes. "
            "The dashed line is where PrometheusRuleEvaluationSlow fires.",
            Query(
                "max by (rule_group) ("
                "avg_over_time(prometheus_rule_group_last_duration_seconds[5m])"
                " / prometheus_rule_group_interval_seconds)",
                "{{rule_group}}",
            ),
            unit="percentunit",
            bands=above(thresholds, warning="PrometheusRuleEvaluationSlow"),
            top=1,
        ),
        over_time(
            "Failed evaluations",
            "How many evaluations of a group's rules failed in 5 minutes. While it stays above 0, "
            "PrometheusRuleEvaluationFailing fires.",
            Query(
                "sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[5m]))",
                "{{rule_group}}",
            ),
            unit="none",
        ),
        over_time(
            "Alerts to Alertmanager",
            "How many alerts each Prometheus pod handed over in 5 minutes, and how many it "
            "dropped. PrometheusNotificationsDropped fires when it goes on dropping.",
            Query(
                "sum by (pod) (increase(prometheus_notifications_sent_total[5m]))", "{{pod}} sent"
            ),
            Query(
                "sum by (pod) (increase(prometheus_notifications_dropped_total[5m]))",
                "{{pod}} dropped",
            ),
            unit="none",
        ),
        now(
            "Alertmanagers found",
            "How many Alertmanager pods the Prometheus pod that finds fewest sends its alerts to. "
            "At 0 PrometheusNotificationsDropped fires.",
            Query("min(prometheus_notifications_alertmanagers_discovered)"),
            unit="none",
            width=12,
        ),
        now(
            "Remote write behind",
            "How old the oldest sample is that waits to be sent to the long-term store; 0 also "
            "where there is no remote write. Orange: PrometheusRemoteWriteBehind fires.",
            Query(f"max({_QUEUED} - {_SENT}) or vector(0)"),
            unit="s",
            bands=above(thresholds, warning="PrometheusRemoteWriteBehind"),
            width=12,
        ),
    ]


def storage_panels(thresholds: Thresholds) -> list[Panel]:
    """What takes the space for samples, and when it is full."""
    forecast = " + ".join(f"predict_linear({name}[6h], 86400)" for name in _SIZES.values())
    used = " + ".join(_SIZES.values())
    return [
        over_time(
            "Space for samples",
            "The share of the space that is in use, and the one in a day at the pace of the last "
            "6 hours. Above the dashed line PrometheusStorageFilling fires, once 60 % are in use.",
            Query(f"({used}) / {_LIMIT}", "{{pod}} now"),
            Query(f"({forecast}) / {_LIMIT}", "{{pod}} in a day"),
            unit="percentunit",
            bands=above(thresholds, warning="PrometheusStorageFilling"),
            top=1,
        ),
        over_time(
            "What takes the space",
            "The size of all blocks, of the write-ahead log, and of the chunks that are in no "
            "block yet. The last two rise and fall every two hours.",
            *(Query(name, f"{{{{pod}}}} {what}") for what, name in _SIZES.items()),
            unit="bytes",
        ),
        over_time(
            "Series in memory",
            "How many series each Prometheus pod holds; a sudden rise means that a label has got "
            "many more values.",
            Query("prometheus_tsdb_head_series", "{{pod}}"),
            unit="none",
        ),
        now(
            "Write-ahead log corrupted",
            "How often a Prometheus pod found its write-ahead log corrupted when it started. "
            "Orange: PrometheusWalCorrupted fires.",
            Query("sum(prometheus_tsdb_wal_corruptions_total)"),
            unit="none",
            bands=NONE_FIRING,
            width=24,
        ),
    ]


def loaded(server: str, alert: str) -> statetimeline.Panel:
    """Show since when each pod of a server runs on the configuration that it was given last."""
    return states(
        f"{server}: configuration",
        f"Whether each pod could load the configuration that it was given last. Red: {alert} "
        "fires, and the pod runs on the one before.",
        Query(f"{server.lower()}_config_last_reload_successful", "{{pod}}"),
        meaning={1: ("loaded", OK), 0: ("refused", CRITICAL)},
        no_value="Nothing was found to scrape in this time",
    )
