"""What a pod of the field shows at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.psi_field.engine import METRICS
from services.psi_field.field import Field

# 0.25 s is the threshold of the latency SLO.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

_HELP = {
    "density": "Density of the field after the last step.",
    "phase_coherence": "Phase coherence of the field after the last step.",
    "continuity": "Continuity of the field with the state before the last step.",
    "futurity": "Futurity of the field after the last step.",
    "temporal_entropy": "Temporal entropy of the field after the last step.",
    "prediction_error": "Error of the field's prediction of the last step.",
    "time_dilation": "Time dilation of the field after the last step.",
}


class StepMetrics:
    """Counts requests to /step, and reads the field's state at each scrape.

    A scrape must return the metrics and the digest of the same steps: PsiFieldPodDrift compares
    the metrics of pods that show the same digest.
    """

    def __init__(self, registry: CollectorRegistry, field: Field) -> None:
        for name in METRICS:
            gauge = Gauge(f"psi_field_{name}", _HELP[name], registry=registry)
            gauge.set_function(lambda name=name: field.metrics[name])
        Gauge(
            "psi_field_history_digest",
            "A number that is the same for pods that hold the same steps.",
            registry=registry,
        ).set_function(lambda: field.digest_number)
        self._engine = Gauge(
            "psi_field_engine_info", "1 for the engine that runs.", ["engine"], registry=registry
        )
        self._requests = Counter(
            "psi_field_step_requests",
            "Requests to /step by the status code of the answer.",
            ["code"],
            registry=registry,
        )
        self._requests.labels("200")
        self._seconds = Histogram(
            "psi_field_step_duration_seconds",
            "Time that steps took to be answered, their way to the peers included.",
            buckets=BUCKETS,
            registry=registry,
        )

    def name_engine(self, name: str) -> None:
        """Show which engine runs."""
        self._engine.labels(name).set(1)

    def observe(self, code: int, seconds: float) -> None:
        """Count a response, and observe its duration if it is successful.

        Refusals are fast: their durations would make the latency look better than it is.
        """
        self._requests.labels(str(code)).inc()
        if code == 200:
            self._seconds.observe(seconds)


class SharingMetrics:
    """How well this pod shares the field with its peers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.peers = Gauge(
            "psi_field_peers",
            "Other pods that the last look-up found.",
            registry=registry,
        )
        self.peers_in_step = Gauge(
            "psi_field_peers_in_step",
            "Peers whose steps this pod had all when it compared last.",
            registry=registry,
        )
        self.lookups_failed = Counter(
            "psi_field_lookups_failed",
            "Look-ups of a peer's name that found no address.",
            registry=registry,
        )
        self.pushes_missed = Counter(
            "psi_field_pushes_missed",
            "Steps that a peer did not take when they were pushed, counted for each peer.",
            registry=registry,
        )
        self.steps_behind = Gauge(
            "psi_field_steps_behind",
            "Steps of the peers that this pod lacked when it last compared.",
            registry=registry,
        )
        self.fold_seconds = Histogram(
            "psi_field_fold_seconds",
            "Time that the engine took to bring the field up to date.",
            buckets=BUCKETS,
            registry=registry,
        )
