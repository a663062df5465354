"""The dashboard "Scheduler": whether the recurring-job service is up, and whether its jobs succeed.

The panels about pods use only series that Prometheus itself makes for each target, so they work
even if /metrics is empty. The panels about jobs show data once the scheduler has run.
"""

from grafana_foundation_sdk.models import units

from dashboards.frame import Board, Section, alerts_firing, alerts_over_time, pods_up, up_over_time
from dashboards.panels import Query, stat, time_series

JOB = "scheduler"
TARGETS = f'{{job="{JOB}"}}'
FAILED = f'{{job="{JOB}", outcome!="success"}}'
DURATION = f"scheduler_job_duration_seconds_bucket{TARGETS}[$__rate_interval]"
FAILING_SHARE = (
    f"sum by (task) (increase(scheduler_job_runs_total{FAILED}[15m]))"
    f" / sum by (task) (increase(scheduler_job_runs_total{TARGETS}[15m]))"
)


def scheduler() -> Board:
    """Declare the dashboard."""
    overview = [
        pods_up(JOB),
        stat(
            "Pods found",
            "How many scheduler pods Prometheus has found, whether they answer or not.",
            Query(f"count(up{TARGETS}) or vector(0)"),
            unit=units.NoUnit,
        ),
        stat(
            "Time up",
            "The share of the time shown in which at least one scheduler pod answered; "
            "time without any pod counts as down.",
            Query(f"avg_over_time((max(up{TARGETS}) or vector(0))[$__range:1m])"),
            unit=units.PercentUnit,
        ),
        stat(
            "Slowest scrape",
            "How long the slowest scheduler pod takes to answer Prometheus.",
            Query(f"max(scrape_duration_seconds{TARGETS})"),
            unit=units.Seconds,
        ),
        stat(
            "Samples",
            "How many values all scheduler pods export; 0 means that /metrics is empty.",
            Query(f"sum(scrape_samples_scraped{TARGETS})"),
            unit=units.NoUnit,
        ),
        alerts_firing(JOB),
    ]
    jobs = [
        stat(
            "Runs",
            "How many runs of all jobs ended in the time shown, whatever came of them.",
            Query(f"sum(increase(scheduler_job_runs_total{TARGETS}[$__range]))"),
            unit=units.NoUnit,
            decimals=0,
            width=6,
        ),
        stat(
            "Runs that did not succeed",
            "How many runs failed or took too long in the time shown; 0 is good.",
            Query(f"sum(increase(scheduler_job_runs_total{FAILED}[$__range]))"),
            unit=units.NoUnit,
            decimals=0,
            width=6,
        ),
        stat(
            "Runs skipped",
            "How many runs did not start in the time shown, because the one before still ran or "
            "because the scheduler was held up; 0 is good.",
            Query(f"sum(increase(scheduler_job_skipped_total{TARGETS}[$__range]))"),
            unit=units.NoUnit,
            decimals=0,
            width=6,
        ),
        stat(
            "Longest without a success",
            "How long ago the job that has waited longest for a success had its last one, or the "
            "scheduler started if it never had one.",
            Query("max(scheduler:success_age_seconds:max)"),
            unit=units.Seconds,
            width=6,
        ),
        time_series(
            "Failing share",
            "The share of the runs of each job that failed or took too long, over 15 minutes.",
            Query(FAILING_SHARE, "{{task}}"),
            unit=units.PercentUnit,
            alerts=["SchedulerJobFailing"],
            top=1,
            width=12,
        ),
        time_series(
            "Time since the last success",
            "How long ago each job succeeded last, or the scheduler started if it never did: it "
            "falls back to 0 with each success, and rises steadily once a job fails.",
            Query("scheduler:success_age_seconds:max", "{{task}}"),
            unit=units.Seconds,
            alerts=["SchedulerJobLate"],
            when="when a run that was due since has not succeeded",
            width=12,
        ),
        time_series(
            "Runs per minute",
            "How many runs of all jobs end in a minute, by what came of them.",
            Query(
                "60 * sum by (outcome) "
                f"(rate(scheduler_job_runs_total{TARGETS}[$__rate_interval]))",
                "{{outcome}}",
            ),
            unit=units.CountsPerMinute,
            width=12,
        ),
        time_series(
            "Duration of the runs",
            "How long the runs of each job take: the median, and what 95 % of them stay below.",
            Query(_quantile("0.5"), "{{task}} median"),
            Query(_quantile("0.95"), "{{task}} 95 %"),
            unit=units.Seconds,
            width=12,
        ),
        time_series(
            "Lag",
            "How long after its time the last run of each job started; a rise means that the "
            "scheduler is held up.",
            Query(f"max by (task) (scheduler_job_lag_seconds{TARGETS})", "{{task}}"),
            unit=units.Seconds,
            width=12,
        ),
        time_series(
            "Skipped runs per minute",
            "How many runs of each job do not start in a minute: overlap, the one before still "
            "ran; missed, the scheduler was held up.",
            Query(
                "60 * sum by (task, reason) "
                f"(rate(scheduler_job_skipped_total{TARGETS}[$__rate_interval]))",
                "{{task}} {{reason}}",
            ),
            unit=units.CountsPerMinute,
            width=12,
        ),
    ]
    pods = [
        up_over_time(
            "Pods over time",
            "When each scheduler pod answered Prometheus.",
            Query(f"up{TARGETS}", "{{pod}}"),
        ),
        time_series(
            "Scrape duration",
            "How long each pod takes to answer Prometheus; a rise means that the pod is busy.",
            Query(f"scrape_duration_seconds{TARGETS}", "{{pod}}"),
            unit=units.Seconds,
            width=12,
        ),
        time_series(
            "Samples exported",
            "How many values each pod exports; a drop means that the pod lost some of its metrics.",
            Query(f"scrape_samples_scraped{TARGETS}", "{{pod}}"),
            unit=units.NoUnit,
            width=12,
        ),
        alerts_over_time(JOB),
    ]
    return Board(
        module=__name__,
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
