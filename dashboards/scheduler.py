"""The dashboard "Scheduler": whether the recurring-job service is up, and how its jobs do.

What it shows of the pods needs nothing but that they serve /metrics; what it shows of the jobs is
there from the scheduler's start on, but for the time since a success, which needs one.
"""

from grafana_foundation_sdk.builders import dashboard

from dashboards.bands import Thresholds
from dashboards.frame import Section, frame
from dashboards.health import alerts_firing, alerts_over_time, pods_up, up_over_time
from dashboards.panels import Query, now, over_time

FILENAME = "scheduler.json"
JOB = "scheduler"
TARGETS = f'{{job="{JOB}"}}'
FAILED = f'{{job="{JOB}", outcome!="success"}}'
DURATION = f"scheduler_job_duration_seconds_bucket{TARGETS}[$__rate_interval]"
SINCE_SUCCESS = f"time() - max by (task) (scheduler_job_last_success_timestamp_seconds{TARGETS})"


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
    jobs = [
        now(
            "Runs",
            "How many runs of all jobs ended in the time shown, whatever came of them.",
            Query(f"sum(increase(scheduler_job_runs_total{TARGETS}[$__range]))"),
            unit="none",
            decimals=0,
            width=6,
        ),
        now(
            "Runs that did not succeed",
            "How many runs failed or took too long in the time shown; 0 is good.",
            Query(f"sum(increase(scheduler_job_runs_total{FAILED}[$__range]))"),
            unit="none",
            decimals=0,
            width=6,
        ),
        now(
            "Runs skipped",
            "How many runs did not start in the time shown, because the one before still ran or "
            "because the scheduler was held up; 0 is good.",
            Query(f"sum(increase(scheduler_job_skipped_total{TARGETS}[$__range]))"),
            unit="none",
            decimals=0,
            width=6,
        ),
        now(
            "Longest without a success",
            "How long ago the job that has waited longest for a success had its last one. "
            "A job that has never had one is not counted.",
            Query(f"max({SINCE_SUCCESS})"),
            unit="s",
            width=6,
        ),
        over_time(
            "Runs per minute",
            "How many runs of all jobs end in a minute, by what came of them.",
            Query(
                "60 * sum by (outcome) "
                f"(rate(scheduler_job_runs_total{TARGETS}[$__rate_interval]))",
                "{{outcome}}",
            ),
            unit="cpm",
            width=12,
        ),
        over_time(
            "Duration of the runs",
            "How long the runs of each job take: the median, and what 95 % of them stay below.",
            Query(_quantile("0.5"), "{{task}} median"),
            Query(_quantile("0.95"), "{{task}} 95 %"),
            unit="s",
            width=12,
        ),
        over_time(
            "Lag",
            "How long after its time the last run of each job started; a rise means that the "
            "scheduler is held up.",
            Query(f"max by (task) (scheduler_job_lag_seconds{TARGETS})", "{{task}}"),
            unit="s",
        ),
        over_time(
            "Time since the last success",
            "How long ago each job succeeded last: it falls back to 0 with each success, and "
            "rises steadily once a job fails.",
            Query(SINCE_SUCCESS, "{{task}}"),
            unit="s",
        ),
        over_time(
            "Skipped runs per minute",
            "How many runs of each job do not start in a minute: overlap, the one before still "
            "ran; missed, the scheduler was held up.",
            Query(
                "60 * sum by (task, reason) "
                f"(rate(scheduler_job_skipped_total{TARGETS}[$__rate_interval]))",
                "{{task}} {{reason}}",
            ),
            unit="cpm",
        ),
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
        description="Whether the recurring-job service is up, and whether its jobs succeed.",
        since="now-24h",
        job=JOB,
        sections=[
            Section("", overview),
            Section("Jobs", jobs),
            Section("Pods and alerts", pods),
        ],
    )


def _quantile(share: str) -> str:
    return f"histogram_quantile({share}, sum by (le, task) (rate({DURATION})))"
