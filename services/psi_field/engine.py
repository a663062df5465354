"""What an engine is, which one is used, and what becomes of a sequence of steps."""

import importlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from services.psi_field.fallback import SIZE, FallbackPsiEngine

METRICS = (
    "density",
    "phase_coherence",
    "continuity",
    "futurity",
    "temporal_entropy",
    "prediction_error",
    "time_dilation",
)
"""The metrics of a step, all of them numbers without a unit."""

AT_REST: Mapping[str, float] = dict.fromkeys(METRICS, 0.0)
"""The metrics before the first step."""

MODULE = "vaultmesh_psi"
FALLBACK = "fallback"

log = logging.getLogger(__name__)


class Engine(Protocol):
    """A field. A new one is at rest, and equal steps in equal order lead to equal metrics."""

    def step(self, x: Sequence[float], apply_guardian: bool) -> Mapping[str, float]:
        """Take one step; the metrics after it, by the names in METRICS."""
        ...


class Step(Protocol):
    """What an engine is fed with."""

    @property
    def x(self) -> Sequence[float]: ...  # noqa: D102
    @property
    def apply_guardian(self) -> bool: ...  # noqa: D102


class EngineError(Exception):
    """The engine failed; the field stays as it was."""


def fold(engine: Callable[[], Engine], steps: Iterable[Step]) -> Mapping[str, float]:
    """The metrics after all the steps, taken by a new engine in their order.

    Raises EngineError if the engine fails, or a metric is missing or not finite.
    """
    metrics = AT_REST
    try:
        field = engine()
        for step in steps:
            metrics = field.step(step.x, step.apply_guardian)
        found = {name: float(metrics.get(name, math.nan)) for name in METRICS}
    except Exception as error:
        # Its text may quote the step.
        raise EngineError(f"it raised {type(error).__name__}") from error
    if odd := [name for name, value in found.items() if not math.isfinite(value)]:
        raise EngineError(f"it gave no finite {odd[0]}")
    return found


def load_engine() -> tuple[str, Callable[[], Engine]]:
    """The name and the class of the engine: `vaultmesh_psi` if it works, else the fallback.

    The private module works if it can be imported and its `PsiEngine` takes a step of zeros.
    """
    try:
        engine = importlib.import_module(MODULE).PsiEngine
        fold(engine, [_Nought()])
    # An import runs foreign code, which may even try to end the process.
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == MODULE:
            log.info("no module %s; the fallback engine runs", MODULE)
        else:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            log.error("%s is broken; the fallback engine runs", MODULE, extra={"reason": reason})
        return FALLBACK, FallbackPsiEngine
    return MODULE, engine


class _Nought:
    x = (0.0,) * SIZE
    apply_guardian = False
