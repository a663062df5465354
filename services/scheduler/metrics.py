"""The scheduler's metrics. The label is `task`: `job` is the workload's name on every series."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OUTCOMES = ("success", "failure", "timeout")
REASONS = ("overlap", "missed")
DURATION_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)


class JobMetrics:
    """What the runs of each job came to.

    Counters stand at 0 from the start, so that the first failure is an increase. The time of the
    last success is missing until there is one.
    """

    def __init__(self, registry: CollectorRegistry, tasks: Iterable[str]) -> None:
        self.runs = Counter(
            "scheduler_job_runs",
            "Runs that ended, by outcome: success, failure or timeout.",
            ["task", "outcome"],
            registry=registry,
        )
        self.skipped = Counter(
            "scheduler_job_skipped",
            "Runs that did not start: overlap, the one before still ran; missed, in a pause.",
            ["task", "reason"],
            registry=registry,
        )
        self.duration = Histogram(
            "scheduler_job_duration_seconds",
            "Duration of the runs that ended.",
            ["task"],
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self.lag = Gauge(
            "scheduler_job_lag_seconds",
            "How long after its time the last run started.",
            ["task"],
            registry=registry,
        )
        self.last_success = Gauge(
            "scheduler_job_last_success_timestamp_seconds",
            "Unix time at which the last successful run ended.",
            ["task"],
            registry=registry,
        )
        for task in tasks:
            self.duration.labels(task)
            self.lag.labels(task)
            for outcome in OUTCOMES:
                self.runs.labels(task, outcome)
            for reason in REASONS:
                self.skipped.labels(task, reason)
