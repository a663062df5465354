"""What becomes of a sequence of steps, and which engine takes them."""

import math
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from services.psi_field.engine import AT_REST, METRICS, EngineError, fold, load_engine
from services.psi_field.fallback import SIZE, FallbackPsiEngine

# Folding


class Recorder:
    """An engine whose density is its number of steps."""

    def __init__(self) -> None:
        self.steps = 0

    def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
        self.steps += 1
        return dict(AT_REST) | {"density": float(self.steps), "surplus": 1.0}


class Zeros:
    x = (0.0,) * SIZE
    apply_guardian = False


def test_before_the_first_step_every_metric_is_zero() -> None:
    assert fold(FallbackPsiEngine, []) == dict.fromkeys(METRICS, 0.0)


def test_a_fold_starts_anew_and_keeps_the_known_metrics_only() -> None:
    for steps in (2, 3):
        assert fold(Recorder, [Zeros()] * steps) == dict(AT_REST) | {"density": steps}


# Which engine runs


def answering(**metrics: Any) -> type:
    return type("PsiEngine", (), {"step": lambda self, x, apply_guardian: dict(AT_REST) | metrics})


def no_step(self: Any, x: Any, apply_guardian: Any) -> dict[str, float]:
    raise ValueError("s3cret")


BROKEN: dict[str, Any] = {
    "has no engine": None,
    "can't make one": type("PsiEngine", (), {"__init__": lambda self: 1 / 0}),
    "can't step": type("PsiEngine", (), {"step": no_step}),
    "gives NaN": answering(density=math.nan),
    "gives text": answering(futurity="high"),
    "gives no mapping": type("PsiEngine", (), {"step": lambda self, x, apply_guardian: 1.0}),
    "lacks a metric": type("PsiEngine", (), {"step": lambda self, x, apply_guardian: {}}),
}


def test_the_private_module_is_used_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("vaultmesh_psi")
    engine = answering(density=0.25)
    vars(module)["PsiEngine"] = engine
    monkeypatch.setitem(sys.modules, "vaultmesh_psi", module)
    assert load_engine() == ("vaultmesh_psi", engine)


def test_without_the_private_module_the_fallback_runs_and_nothing_is_amiss(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert load_engine() == ("fallback", FallbackPsiEngine)
    assert not caplog.records


@pytest.mark.parametrize("how", BROKEN)
def test_a_private_module_that_does_not_work_is_replaced_and_logged_in_one_line(
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
    source: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "vaultmesh_psi.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "vaultmesh_psi", raising=False)
    assert load_engine() == ("fallback", FallbackPsiEngine)
    assert len(caplog.records) == 1
    assert "\n" not in vars(caplog.records[0])["reason"]


def test_an_engine_that_fails_on_the_way_is_an_engine_error() -> None:
    class Fragile(Recorder):
        def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
            if self.steps == 2:
                raise ValueError(f"can't take {x}")
            return super().step(x, apply_guardian)

    engine: Callable[[], Fragile] = Fragile
    assert fold(engine, [Zeros()] * 2)["density"] == 2
    with pytest.raises(EngineError, match=r"^it raised ValueError$"):
        fold(engine, [Zeros()] * 3)
