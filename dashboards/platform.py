"""The dashboard "Platform": Prometheus itself."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.bands import CRITICAL, OK, Thresholds
from dashboards.frame import Section, frame
from dashboards.panels import Query, states

FILENAME = "platform.json"


def build(_thresholds: Thresholds) -> dashboard.Dashboard:
    """Build the dashboard. No alert has a threshold on any of its values."""
    configuration = [
        states(
            "Configuration",
            "Whether each Prometheus runs on the configuration that it was given last. "
            "PrometheusConfigReloadFailed fires where one does not.",
            Query("prometheus_config_last_reload_successful", "{{pod}}"),
            meaning={1: ("loaded", OK), 0: ("refused", CRITICAL)},
            no_value="Prometheus does not say",
        ),
    ]
    return frame(
        uid="vaultmesh-platform",
        title="Platform",
        description="Whether the monitoring itself works.",
        since="now-24h",
        sections=[Section("", configuration)],
    )
