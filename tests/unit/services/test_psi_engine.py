"""Engines: replaying steps, the choice of the engine, and the fallback's ranges and formulas."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feeder.app import vector
from services.psi_field.engine import (
    AT_REST,
    METRICS,
    SIZE,
    EngineError,
    FallbackPsiEngine,
    load_engine,
    replay,
)
from tests.support.recording import ROOT

# Replaying steps


class CountingEngine:
    """An engine whose density is its number of steps."""

    def __init__(self) -> None:
        self.steps = 0

    def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
        self.steps += 1
        return dict(AT_REST) | {"density": float(self.steps), "surplus": 1.0}


class Zeros:
    x = (0.0,) * SIZE
    apply_guardian = False


def test_every_metric_is_zero_before_the_first_step() -> None:
    assert replay(FallbackPsiEngine, []) == dict.fromkeys(METRICS, 0.0)


def test_a_replay_starts_at_rest_and_keeps_only_known_metrics() -> None:
    for steps in (2, 3):
        assert replay(CountingEngine, [Zeros()] * steps) == dict(AT_REST) | {"density": steps}


def test_an_engine_that_fails_during_a_replay_is_an_engine_error() -> None:
    class Fragile(CountingEngine):
        def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
            if self.steps == 2:
                raise ValueError(f"can't take {x}")
            return super().step(x, apply_guardian)

    engine: Callable[[], Fragile] = Fragile
    assert replay(engine, [Zeros()] * 2)["density"] == 2
    with pytest.raises(EngineError, match=r"^it raised ValueError$"):
        replay(engine, [Zeros()] * 3)


# The choice of the engine


def engine_with(**metrics: Any) -> type:
    return type("PsiEngine", (), {"step": lambda self, x, apply_guardian: dict(AT_REST) | metrics})


def failing_step(self: Any, x: Any, apply_guardian: Any) -> dict[str, float]:
    raise ValueError("s3cret")


BROKEN: dict[str, Any] = {
    "has no engine": None,
    "can't make one": type("PsiEngine", (), {"__init__": lambda self: 1 / 0}),
    "can't step": type("PsiEngine", (), {"step": failing_step}),
    "gives NaN": engine_with(density=math.nan),
    "gives text": engine_with(futurity="high"),
    "gives no mapping": type("PsiEngine", (), {"step": lambda self, x, apply_guardian: 1.0}),
    "lacks a metric": type("PsiEngine", (), {"step": lambda self, x, apply_guardian: {}}),
}


def test_the_private_module_is_used_if_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("vaultmesh_psi")
    engine = engine_with(density=0.25)
    vars(module)["PsiEngine"] = engine
    monkeypatch.setitem(sys.modules, "vaultmesh_psi", module)
    assert load_engine() == ("vaultmesh_psi", engine)


def test_without_the_private_module_the_fallback_runs_and_nothing_is_logged_as_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert load_engine() == ("fallback", FallbackPsiEngine)
    assert not caplog.records


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_private_module_is_replaced_and_logged_in_one_line(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = ModuleType("vaultmesh_psi")
    if BROKEN[how]:
        vars(module)["PsiEngine"] = BROKEN[how]
    monkeypatch.setitem(sys.modules, "vaultmesh_psi", module)
    assert load_engine() == ("fallback", FallbackPsiEngine)
    assert [record.getMessage() for record in caplog.records] == [
        "vaultmesh_psi is broken; the fallback engine runs"
    ]
    assert "s3cret" not in str(vars(caplog.records[0]))
    assert "\n" not in vars(caplog.records[0])["reason"]


@pytest.mark.parametrize(
    "source", ["import no_such_dependency", "raise SystemExit(3)", "x = (", "1 / 0"]
)
def test_a_private_module_whose_import_fails_is_replaced_and_logged_in_one_line(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "vaultmesh_psi.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "vaultmesh_psi", raising=False)
    assert load_engine() == ("fallback", FallbackPsiEngine)
    assert len(caplog.records) == 1
    assert "\n" not in vars(caplog.records[0])["reason"]


# The fallback engine

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
STEPS = st.lists(
    st.tuples(st.lists(NUMBERS, min_size=SIZE, max_size=SIZE), st.booleans()),
    min_size=1,
    max_size=8,
)
Steps = list[tuple[Sequence[float], bool]]


def run(steps: Steps) -> list[dict[str, float]]:
    """The fallback's metrics after each of the steps."""
    engine = FallbackPsiEngine()
    return [engine.step(x, guardian) for x, guardian in steps]


@settings(max_examples=150)
@given(STEPS)
def test_every_metric_stays_in_its_range_for_any_input(steps: Steps) -> None:
    for found in run(steps):
        assert tuple(found) == METRICS
        for name in METRICS[:5]:
            assert 0 <= found[name] <= 1, name
        assert 0 <= found["prediction_error"] <= 2
        assert 0 <= found["time_dilation"] <= 2


@settings(max_examples=50)
@given(STEPS)
def test_the_same_steps_give_the_same_metrics(steps: Steps) -> None:
    assert run(steps) == run(steps)


def test_another_process_computes_exactly_the_same_metrics() -> None:
    code = (
        "import json\nfrom services.psi_field.engine import FallbackPsiEngine as E\n"
        "e = E()\nprint(json.dumps([e.step([i / 7 - i] * 16, True) for i in range(9)]))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, timeout=20
    )
    assert json.loads(other.stdout) == run([([i / 7 - i] * 16, True) for i in range(9)])


@settings(max_examples=50)
@given(STEPS, st.lists(NUMBERS, min_size=SIZE, max_size=SIZE))
def test_the_guardian_never_lets_the_field_move_more_than_a_quarter(
    steps: Steps, x: Sequence[float]
) -> None:
    found = run([*steps, (x, True)])[-1]
    assert found["continuity"] >= 0.75 - 1e-9
    assert found["prediction_error"] <= 0.5 + 1e-9


def test_the_metrics_of_two_steps_are_those_computed_by_hand() -> None:
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


def test_phases_all_around_the_circle_have_no_coherence() -> None:
    phases = [math.atanh(2 * (i / SIZE) - 1) if i else -50.0 for i in range(SIZE)]
    # Repeated, the step moves the field to 2i/16 - 1: 16 phases, evenly around the circle.
    assert run([(phases, False)] * 60)[-1]["phase_coherence"] == pytest.approx(0, abs=1e-9)


def test_parts_that_move_differently_raise_the_entropy() -> None:
    bins = [math.atanh(i / 8 + 1 / 16) if i < 8 else 0.0 for i in range(SIZE)]
    # Eight parts at rest and one moving part share the first bin; seven have a bin each.
    shares = [9 / 16] + [1 / 16] * 7
    entropy = -sum(p * math.log(p) for p in shares) / math.log(16)
    assert run([(bins, False)])[0]["temporal_entropy"] == pytest.approx(entropy)


def test_the_feeders_steps_keep_the_field_where_no_alert_fires() -> None:
    for found in run([(vector(minute), False) for minute in range(64)])[2:]:
        assert 0.1 < found["density"] < 0.9
        assert found["temporal_entropy"] < 0.8
        assert found["prediction_error"] < 0.7
