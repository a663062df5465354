"""The series that a stack is sized for are those that a real Prometheus has."""

from stacks.capacity import series
from stacks.settings.schema import Settings
from tests.live.conftest import Live
from tests.support.recording import stack_values

FEWER, MORE = 0.05, 0.3
"""The prediction may be this share below the real number, and this share above it: a workload
counts as one with the most series."""


def test_the_predicted_series_are_close_to_the_real_ones(services: Live) -> None:
    services.wait_for(lambda seen: seen.is_up and seen.is_evaluated, "every rule evaluated")
    settings = Settings.model_validate(stack_values("local")["vaultmesh:settings"], by_name=False)
    predicted = {
        job: count
        for job, count in series(settings).items()
        if job not in services.platform.left_out
    }
    (sample,) = services.observer.prometheus.query("prometheus_tsdb_head_series")
    real = sample.value[1]
    assert (1 - FEWER) * real <= sum(predicted.values()) <= (1 + MORE) * real, (real, predicted)
