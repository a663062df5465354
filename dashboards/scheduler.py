"""The dashboard "Scheduler": whether the recurring-job service is up and answers quickly.

It needs nothing of the scheduler but that it serves /metrics, so it shows data from the first
scrape on, whatever metrics the scheduler has.
"""

from grafana_foundation_sdk.builders import dashboard

from dashboards.bands import Thresholds
from dashboards.frame import Section, frame
from dashboards.health import alerts_firing, alerts_over_time, pods_up, up_over_time
from dashboards.panels import Query, now, over_time

FILENAME = "scheduler.json"
JOB = "scheduler"
TARGETS = f'{{job="{JOB}"}}'


def build(_thresholds: Thresholds) -> dashboard.Dashboard:
    """Build the dashboard. No alert has a threshold on any of its values."""
    overview = [
        pods_up(JOB),
        now(
            "Pods found",
            "How many scheduler pods Prometheus has found, whether they answer or not.",
            Query(f"count(up{TARGETS}) or vector(0)"),
            unit="none",
        ),
        now(
            "Time up",
            "The share of the time shown in which at least one scheduler pod answered; "
            "time without any pod counts as down.",
            Query(f"avg_over_time((max(up{TARGETS}) or vector(0))[$__range:1m])"),
            unit="percentunit",
        ),
        now(
            "Slowest scrape",
            "How long the slowest scheduler pod takes to answer Prometheus.",
            Query(f"max(scrape_duration_seconds{TARGETS})"),
            unit="s",
        ),
        now(
            "Samples",
            "How many values all scheduler pods export; 0 means that /metrics is empty.",
            Query(f"sum(scrape_samples_scraped{TARGETS})"),
            unit="none",
        ),
        alerts_firing(JOB),
    ]
    pods = [
        up_over_time(
            "Pods over time",
            "When each scheduler pod answered Prometheus.",
            Query(f"up{TARGETS}", "{{pod}}"),
        ),
        over_time(
            "Scrape duration",
            "How long each pod takes to answer Prometheus; a rise means that the pod is busy.",
            Query(f"scrape_duration_seconds{TARGETS}", "{{pod}}"),
            unit="s",
            width=12,
        ),
        over_time(
            "Samples exported",
            "How many values each pod exports; a drop means that the pod lost some of its metrics.",
            Query(f"scrape_samples_scraped{TARGETS}", "{{pod}}"),
            unit="none",
            width=12,
        ),
        alerts_over_time(JOB),
    ]
    return frame(
        uid="vaultmesh-scheduler",
        title="Scheduler",
        description="Whether the recurring-job service is up, and how well it answers.",
        since="now-24h",
        job=JOB,
        sections=[Section("", overview), Section("Pods and alerts", pods)],
    )
