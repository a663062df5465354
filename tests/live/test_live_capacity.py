"""The series and samples that a stack is sized for are those that a real Prometheus has."""

import time

from bench.parts.size import FEWEST, MOST, WINDOW_SECONDS, expected_load, read_load
from bench.program import settings
from tests.live.conftest import Live


def test_the_predicted_series_and_samples_are_close_to_the_real_ones(services: Live) -> None:
    services.wait_for(lambda seen: seen.is_up and seen.is_evaluated, "every rule evaluated")
    began = time.monotonic()
    services.wait_for(lambda _: time.monotonic() - began > WINDOW_SECONDS, "samples of a while")
    found = expected_load(settings("local"), services.platform.left_out)
    real = read_load(services.observer.prometheus)
    for mine, theirs in zip(found, real, strict=True):
        assert FEWEST <= mine / theirs <= MOST, (found, real)
