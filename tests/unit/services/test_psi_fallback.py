"""The fallback engine: its ranges and its formulas."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feeder.vector import vector
from services.psi_field.engine import METRICS
from services.psi_field.fallback import SIZE, FallbackPsiEngine
from tests.support.recording import ROOT

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
STEPS = st.lists(
    st.tuples(st.lists(NUMBERS, min_size=SIZE, max_size=SIZE), st.booleans()),
    min_size=1,
    max_size=8,
)
Steps = list[tuple[Sequence[float], bool]]


def run(steps: Steps) -> list[dict[str, float]]:
    """The metrics after each of the steps."""
    engine = FallbackPsiEngine()
    return [engine.step(x, guardian) for x, guardian in steps]


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_every_metric_stays_in_its_range_whatever_the_input(steps: Steps) -> None:
    for found in run(steps):
        assert tuple(found) == METRICS
        for name in METRICS[:5]:
            assert 0 <= found[name] <= 1, name
        assert 0 <= found["prediction_error"] <= 2
        assert 0 <= found["time_dilation"] <= 2


@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_equal_steps_give_equal_metrics(steps: Steps) -> None:
    assert run(steps) == run(steps)


def test_another_process_computes_the_very_same_metrics() -> None:
    code = (
        "import json\nfrom services.psi_field.fallback import FallbackPsiEngine as E\n"
        "e = E()\nprint(json.dumps([e.step([i / 7 - i] * 16, True) for i in range(9)]))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, timeout=20
    )
    assert json.loads(other.stdout) == run([([i / 7 - i] * 16, True) for i in range(9)])


@settings(max_examples=50, deadline=None)
@given(STEPS, st.lists(NUMBERS, min_size=SIZE, max_size=SIZE))
def test_the_guardian_never_lets_the_field_move_more_than_a_quarter(
    steps: Steps, x: Sequence[float]
) -> None:
    found = run([*steps, (x, True)])[-1]
    assert found["continuity"] >= 0.75 - 1e-9
    assert found["prediction_error"] <= 0.5 + 1e-9


def test_the_metrics_of_a_step_by_hand() -> None:
    u = math.tanh(1)
    first, second = run([([1.0] * SIZE, False), ([-1.0] * SIZE, False)])
    assert first == pytest.approx(
        {
            "density": u / 2,
            "phase_coherence": 1,
            "continuity": 1 - u / 2,
            "futurity": 0.5,
            "temporal_entropy": 0,
            "prediction_error": u,
            "time_dilation": 1 + u / 2,
        }
    )
    assert second == pytest.approx(
        {
            "density": u / 4,
            "phase_coherence": 1,
            "continuity": 1 - 3 * u / 4,
            "futurity": 0,
            "temporal_entropy": 0,
            "prediction_error": 3 * u / 2,
            "time_dilation": 1 + u / 4,
        }
    )


def test_parts_out_of_phase_and_parts_that_move_differently_show() -> None:
    phases = [math.atanh(2 * (i / SIZE) - 1) if i else -50.0 for i in range(SIZE)]
    # Held, the field comes to stand at 2i/16 - 1: 16 phases, evenly around the circle.
    assert run([(phases, False)] * 60)[-1]["phase_coherence"] == pytest.approx(0, abs=1e-9)
    bins = [math.atanh(i / 8 + 1 / 16) if i < 8 else 0.0 for i in range(SIZE)]
    # Half of the parts rest in the first bin with one more; seven stand alone in a bin each.
    shares = [9 / 16] + [1 / 16] * 7
    entropy = -sum(p * math.log(p) for p in shares) / math.log(16)
    assert run([(bins, False)])[0]["temporal_entropy"] == pytest.approx(entropy)


def test_the_feeders_steps_keep_the_field_where_no_alert_fires() -> None:
    for found in run([(vector(minute), False) for minute in range(64)])[2:]:
        assert 0.1 < found["density"] < 0.9
        assert found["temporal_entropy"] < 0.8
        assert found["prediction_error"] < 0.7
