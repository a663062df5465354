"""Engines: replaying steps, the choice of the engine, and the fallback's ranges and formulas."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
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
    Engine,
    FallbackPsiEngine,
    Fold,
    Step,
    load_engine,
)
from tests.support.recording import ROOT

# Taking steps, and taking them back


class CountingEngine:
    """An engine whose density is its number of steps; fails at an x of `fails_at`."""

    fails_at = 9.0
    failure: BaseException = ValueError("s3cret")

    def __init__(self) -> None:
        self.steps = 0

    def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
        self.steps += 1
        if x[0] == self.fails_at:
            raise self.failure
        return dict(AT_REST) | {"density": float(self.steps), "surplus": 1.0}


def steps_of(*numbers: float) -> list[Step]:
    return [((number,) * SIZE, False) for number in numbers]


def densities(fold: Fold, keep: int, *numbers: float) -> list[float]:
    metrics, problem = fold.run(keep, steps_of(*numbers))
    assert problem is None
    assert all(tuple(found) == METRICS for found in metrics)
    return [found["density"] for found in metrics]


def test_a_fold_starts_at_rest_goes_on_and_starts_again() -> None:
    fold = Fold(CountingEngine)
    assert densities(fold, 0, 1, 2) == [1, 2]
    assert densities(fold, 2, 3) == [3]
    assert densities(fold, 1, 4, 5) == [2, 3]
    assert densities(fold, 0, 6) == [1]


@pytest.mark.parametrize("failure", [ValueError("s3cret"), SystemExit(3), KeyboardInterrupt()])
def test_a_failing_step_is_told_without_its_text_and_ends_nothing(failure: BaseException) -> None:
    fold = Fold(type("Fragile", (CountingEngine,), {"failure": failure}))
    metrics, problem = fold.run(0, steps_of(1, 2, 9, 3))
    assert [found["density"] for found in metrics] == [1, 2]
    assert problem == f"it raised {type(failure).__name__}"
    assert densities(fold, 0, 1) == [1]


@pytest.mark.parametrize(("value", "problem"), [(math.nan, "density"), (math.inf, "density")])
def test_a_metric_that_is_not_finite_is_a_failure(value: float, problem: str) -> None:
    assert Fold(engine_with(density=value)).run(0, steps_of(1)) == (
        [],
        f"it gave no finite {problem}",
    )


class WithoutCopy:
    """The fallback as an engine that can't be copied."""

    def __init__(self) -> None:
        self._engine = FallbackPsiEngine()

    def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
        return self._engine.step(x, apply_guardian)


@pytest.mark.parametrize("engine", [FallbackPsiEngine, WithoutCopy])
@settings(max_examples=100)
@given(changes=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=8))
def test_steps_that_were_taken_back_leave_no_trace(
    engine: type[Engine], changes: list[tuple[int, int]]
) -> None:
    fold = Fold(engine)
    taken: list[Step] = []
    for number, (keep, count) in enumerate(changes):
        new = steps_of(*(math.sin(number * 31 + place) for place in range(count)))
        taken = taken[:keep]
        found = fold.run(len(taken), new)
        taken += new
        assert found == (Fold(engine).run(0, taken)[0][len(taken) - count :], None)


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
    assert load_engine() == (engine, None)


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_private_module_is_not_used_for_a_reason_of_one_line(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("vaultmesh_psi")
    if BROKEN[how]:
        vars(module)["PsiEngine"] = BROKEN[how]
    monkeypatch.setitem(sys.modules, "vaultmesh_psi", module)
    engine, reason = load_engine()
    assert engine is None
    assert reason and "\n" not in reason and "s3cret" not in reason


@pytest.mark.parametrize(
    "source", ["import no_such_dependency", "raise SystemExit(3)", "x = (", "1 / 0"]
)
def test_a_private_module_whose_import_fails_is_not_used_for_a_reason_of_one_line(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vaultmesh_psi.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "vaultmesh_psi", raising=False)
    engine, reason = load_engine()
    assert engine is None
    assert reason and "\n" not in reason


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
