"""Engines of the field: the protocol, the synthetic fallback, and the choice of the engine."""

import cmath
import importlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

SIZE = 16
"""Numbers in a step."""

METRICS = (
    "density",
    "phase_coherence",
    "continuity",
    "futurity",
    "temporal_entropy",
    "prediction_error",
    "time_dilation",
)
"""The metrics of a step. None has a unit."""

AT_REST: Mapping[str, float] = dict.fromkeys(METRICS, 0.0)
"""The metrics before the first step."""

MODULE = "vaultmesh_psi"
FALLBACK = "fallback"

_INERTIA = 0.5
"""Share of the field that a step leaves unchanged."""

_REACH = 0.5
"""Maximum distance between the field and an input that the guardian allows."""

_BINS = 16

log = logging.getLogger(__name__)


class Engine(Protocol):
    """A field, initially at rest. The same steps in the same order give the same metrics."""

    def step(self, x: Sequence[float], apply_guardian: bool) -> Mapping[str, float]:
        """Take one step. Returns the resulting metrics, by the names in METRICS."""
        ...


class Step(Protocol):
    """The input of an engine."""

    @property
    def x(self) -> Sequence[float]: ...  # noqa: D102
    @property
    def apply_guardian(self) -> bool: ...  # noqa: D102


class EngineError(Exception):
    """The engine failed; the field did not change."""


def replay(engine: Callable[[], Engine], steps: Iterable[Step]) -> Mapping[str, float]:
    """The metrics of a new engine after all the steps, taken in order.

    Raises EngineError if the engine fails, or a metric is missing or not finite.
    """
    metrics = AT_REST
    try:
        field = engine()
        for step in steps:
            metrics = field.step(step.x, step.apply_guardian)
        found = {name: float(metrics.get(name, math.nan)) for name in METRICS}
    except Exception as error:
        # Leave the error's text out: it may quote the step.
        raise EngineError(f"it raised {type(error).__name__}") from error
    if unusable := [name for name, value in found.items() if not math.isfinite(value)]:
        raise EngineError(f"it gave no finite {unusable[0]}")
    return found


def load_engine() -> tuple[str, Callable[[], Engine]]:
    """The name and the class of the engine: `vaultmesh_psi` if it works, else the fallback.

    The private module works if it can be imported and its `PsiEngine` takes a step of zeros.
    """
    try:
        engine = importlib.import_module(MODULE).PsiEngine
        replay(engine, [_ZeroStep()])
    # The import runs foreign code, which could even call sys.exit.
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == MODULE:
            log.info("no module %s; the fallback engine runs", MODULE)
        else:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            log.error("%s is broken; the fallback engine runs", MODULE, extra={"reason": reason})
        return FALLBACK, FallbackPsiEngine
    return MODULE, engine


class _ZeroStep:
    x = (0.0,) * SIZE
    apply_guardian = False


class FallbackPsiEngine:
    """A synthetic, deterministic field f of 16 values in -1..1 that follows its inputs.

    It starts at rest (all 0). A step squashes its input, u = tanh(x), so that any finite x is
    valid, then moves the field halfway towards it: f' = f + d with d = (u - f) / 2. The guardian
    first limits u to within 0.5 of f, which halves the longest possible move.
    """

    def __init__(self) -> None:
        self._field = [0.0] * SIZE
        self._move = [0.0] * SIZE

    def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
        """Take one step of SIZE finite numbers. Returns the metrics after it.

        - density, 0..1: mean |f'|.
        - phase_coherence, 0..1: |mean exp(i pi f')|, the order parameter of 16 oscillators
          whose phases are pi f'. 1 if all are equal.
        - continuity, 0..1: 1 - mean |d|. 1 if the field does not move.
        - futurity, 0..1: (1 + cos(d, d of the step before)) / 2. 1 if the move continues in the
          same direction, 0 if it reverses, 0.5 if there is no direction to compare.
        - temporal_entropy, 0..1: Shannon entropy of |d| over 16 equal bins of 0..1, divided by
          ln 16. 0 if all parts move by the same amount, 1 if each falls into another bin.
        - prediction_error, 0..2: mean |u - f|. The field, an exponential mean of the inputs,
          forecasts the next input.
        - time_dilation, 0..2: 1 + mean |d| - mean |d of the step before|. 1 at constant speed,
          more if the field accelerates.
        """
        before, last = self._field, self._move
        inputs = [math.tanh(value) for value in x]
        if apply_guardian:
            inputs = [
                min(max(u, f - _REACH), f + _REACH) for u, f in zip(inputs, before, strict=True)
            ]
        errors = [u - f for u, f in zip(inputs, before, strict=True)]
        move = [error * (1 - _INERTIA) for error in errors]
        field = [f + d for f, d in zip(before, move, strict=True)]
        self._field, self._move = field, move
        return {
            "density": _mean_size(field),
            "phase_coherence": min(
                1.0, abs(sum(cmath.exp(1j * math.pi * f) for f in field)) / SIZE
            ),
            "continuity": 1 - _mean_size(move),
            "futurity": (1 + _cosine(move, last)) / 2,
            "temporal_entropy": _entropy(move),
            "prediction_error": _mean_size(errors),
            "time_dilation": 1 + _mean_size(move) - _mean_size(last),
        }


def _mean_size(values: Sequence[float]) -> float:
    return math.fsum(map(abs, values)) / SIZE


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    # Scale by the largest part, because squares of tiny numbers underflow to 0.
    scale_a, scale_b = max(map(abs, a)), max(map(abs, b))
    if scale_a == 0 or scale_b == 0:
        return 0.0
    a, b = [v / scale_a for v in a], [v / scale_b for v in b]
    product = math.fsum(v * w for v, w in zip(a, b, strict=True))
    return max(-1.0, min(1.0, product / (math.hypot(*a) * math.hypot(*b))))


def _entropy(move: Sequence[float]) -> float:
    counts = [0] * _BINS
    for value in move:
        counts[min(int(abs(value) * _BINS), _BINS - 1)] += 1
    shares = [count / SIZE for count in counts if count]
    return min(1.0, max(0.0, -math.fsum(p * math.log(p) for p in shares) / math.log(_BINS)))
