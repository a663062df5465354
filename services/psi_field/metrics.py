"""The metrics of a psi-field pod."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.psi_field.engine import METRICS
from services.psi_field.replica import Replica

# 0.25 s is the latency that callers are promised.
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
    """Counts requests to /step, and shows the replica's metrics as they are when scraped."""

    def __init__(self, registry: CollectorRegistry, replica: Replica, engine: str) -> None:
        for name in METRICS:
            gauge = Gauge(f"psi_field_{name}", _HELP[name], registry=registry)
            gauge.set_function(lambda name=name: replica.metrics[name])
        Gauge(
            "psi_field_engine_info", "1 for the engine that runs.", ["engine"], registry=registry
        ).labels(engine).set(1)
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

    def observe(self, code: int, seconds: float) -> None:
        """Count an answer; of a step that was taken, its time too.

        A refusal is quick: counted, it would make the latency look better than it is.
        """
        self._requests.labels(str(code)).inc()
        if code == 200:
            self._seconds.observe(seconds)
