"""The panels on Alertmanager, for the dashboard "Platform"."""

from dashboards.bands import Thresholds, above
from dashboards.panels import Panel, Query, now, over_time
from dashboards.platform_prometheus import loaded

FAILED_SHARE = (
    "sum by (pod, integration) (rate(alertmanager_notifications_failed_total[10m]))"
    " / sum by (pod, integration) (rate(alertmanager_notifications_total[10m]))"
)
"""By pod and integration; NaN where there was nothing to send."""


def alertmanager_panels(thresholds: Thresholds) -> list[Panel]:
    """Whether the configuration is loaded, the pods are one, and notifications are delivered."""
    return [
        loaded("Alertmanager", "AlertmanagerReloadFailed"),
        over_time(
            "Notifications given up",
            "The share of notifications that each pod gave up over 10 minutes, by integration; 0 "
            "while nothing is sent. Above the line AlertmanagerNotificationsFailing fires, unless "
            "another pod delivers.",
            Query(f"({FAILED_SHARE} >= 0) or vector(0)", "{{pod}} {{integration}}"),
            unit="percentunit",
            bands=above(thresholds, critical="AlertmanagerNotificationsFailing"),
            top=1,
        ),
        over_time(
            "Cluster members",
            "How many Alertmanager pods each of them sees, itself included, and how many answer "
            "Prometheus. Where the two differ AlertmanagerPeersDisagree fires.",
            Query(
                "alertmanager_cluster_members or (alertmanager_cluster_enabled == 0) + 1",
                "{{pod}} sees",
            ),
            Query('count(up{job="alertmanager"} == 1) or vector(0)', "answer"),
            unit="none",
        ),
        over_time(
            "Alerts and silences held",
            "How many alerts and silences each pod holds, by their state.",
            Query("alertmanager_alerts", "{{pod}} alerts {{state}}"),
            Query("alertmanager_silences", "{{pod}} silences {{state}}"),
            unit="none",
        ),
        now(
            "Different configurations",
            "How many configurations the Alertmanager pods run on; more than one for long, and "
            "AlertmanagerPeersDisagree fires.",
            Query('count(count_values("hash", alertmanager_config_hash))'),
            unit="none",
            width=24,
        ),
    ]
