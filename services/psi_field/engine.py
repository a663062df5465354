"""Engines of the field: the protocol, the synthetic fallback, and the choice of the engine."""

import importlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from operator import mul
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

_SURPRISE = (0.0, *(-n / SIZE * math.log(n / SIZE, _BINS) for n in range(1, SIZE + 1)))
"""What a bin adds to the entropy, by how many of the SIZE numbers fall into it."""

_SPACING = 8
"""Number of steps from one copy of the engine to the next."""

Step = tuple[Sequence[float], bool]
"""The numbers of a step, and whether the guardian is on."""


class Engine(Protocol):
    """A field, initially at rest. The same steps in the same order give the same metrics.

    An engine may have a method `copy`, which returns an independent engine in the same state. Then
    a step that arrives late does not mean to begin from rest.
    """

    def step(self, x: Sequence[float], apply_guardian: bool) -> Mapping[str, float]:
        """Take one step. Returns the resulting metrics, by the names in METRICS."""
        ...


class EngineError(Exception):
    """The engine failed; the message says how, without the step."""


class Fold:
    """An engine, and the steps that it has taken since it was at rest."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._engine: Engine | None = None
        self._steps: list[Step] = []
        self._marks: list[tuple[int, Engine]] = []
        """(number of steps, engine after them), for engines that can be copied."""

    def run(self, keep: int, steps: Iterable[Step]) -> tuple[list[Mapping[str, float]], str | None]:
        """Take back all but the first `keep` steps, then take these.

        Returns the metrics after each of these up to the first that fails, and how that one fails.
        After a failure, the engine is at rest.
        """
        metrics: list[Mapping[str, float]] = []
        try:
            engine, again = self._take_back(keep)
            for x, apply_guardian in again:
                engine.step(x, apply_guardian)
            for x, apply_guardian in steps:
                metrics.append(_checked(engine.step(x, apply_guardian)))
                self._steps.append((x, apply_guardian))
                if not len(self._steps) % _SPACING and (mark := _copied(engine)):
                    self._marks.append((len(self._steps), mark))
        except EngineError as error:
            failure = str(error)
        except BaseException as error:
            # Foreign code may even raise SystemExit. Leave the text out: it may quote the step.
            failure = f"it raised {type(error).__name__}"
        else:
            return metrics, None
        self._engine, self._steps, self._marks = None, [], []
        return metrics, failure

    def _take_back(self, keep: int) -> tuple[Engine, list[Step]]:
        """An engine after some of the first `keep` steps, and the rest of these."""
        if self._engine and keep == len(self._steps):
            return self._engine, []
        del self._steps[keep:]
        while self._marks and self._marks[-1][0] > keep:
            self._marks.pop()
        taken, mark = self._marks[-1] if self._marks else (0, None)
        self._engine = (mark and _copied(mark)) or self._make()
        return self._engine, self._steps[taken:]


def _copied(engine: Engine) -> Engine | None:
    copy_it = getattr(engine, "copy", None)
    return copy_it() if copy_it else None


def _checked(metrics: Mapping[str, float]) -> dict[str, float]:
    found = {name: float(metrics.get(name, math.nan)) for name in METRICS}
    for name, value in found.items():
        if not math.isfinite(value):
            raise EngineError(f"it gave no finite {name}")
    return found


def load_engine() -> tuple[type[Engine] | None, str | None]:
    """The class of the private module's engine if it works, else None and why, in one line.

    It works if the module can be imported, and its `PsiEngine` takes a step of zeros.
    """
    try:
        engine = importlib.import_module(MODULE).PsiEngine
    except BaseException as error:
        return None, " ".join(f"{type(error).__name__}: {error}".split())
    _, problem = Fold(engine).run(0, [((0.0,) * SIZE, False)])
    return (None, problem) if problem else (engine, None)


class FallbackPsiEngine:
    """A synthetic, deterministic field f of 16 values in -1..1 that follows its inputs.

    It starts at rest (all 0). A step squashes its input, u = tanh(x), so that any finite x is
    valid, then moves the field halfway towards it: f' = f + d with d = (u - f) / 2. The guardian
    first limits u to within 0.5 of f, which halves the longest possible move.
    """

    def __init__(self) -> None:
        # A step replaces these and changes nothing in them, so that copies may share them.
        self._field = [0.0] * SIZE
        self._move = [0.0] * SIZE
        self._speed = 0.0

    def copy(self) -> "FallbackPsiEngine":
        """An engine in the same state."""
        return copy(self)

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
        last_speed, speed = self._speed, _mean_size(move)
        self._field, self._move, self._speed = field, move, speed
        return {
            "density": _mean_size(field),
            "phase_coherence": _coherence([math.pi * f for f in field]),
            "continuity": 1 - speed,
            "futurity": (1 + _cosine(move, last)) / 2,
            "temporal_entropy": _entropy(move),
            "prediction_error": _mean_size(errors),
            "time_dilation": 1 + speed - last_speed,
        }


def _mean_size(values: Sequence[float]) -> float:
    return math.fsum(map(abs, values)) / SIZE


def _coherence(phases: Sequence[float]) -> float:
    real, imaginary = math.fsum(map(math.cos, phases)), math.fsum(map(math.sin, phases))
    return min(1.0, math.hypot(real, imaginary) / SIZE)


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    # Scale by the largest part, because squares of tiny numbers underflow to 0.
    scale_a, scale_b = max(map(abs, a)), max(map(abs, b))
    if scale_a == 0 or scale_b == 0:
        return 0.0
    a, b = [v / scale_a for v in a], [v / scale_b for v in b]
    product = math.fsum(map(mul, a, b))
    return max(-1.0, min(1.0, product / (math.hypot(*a) * math.hypot(*b))))


def _entropy(move: Sequence[float]) -> float:
    counts = [0] * _BINS
    for value in move:
        counts[min(int(abs(value) * _BINS), _BINS - 1)] += 1
    return min(1.0, max(0.0, math.fsum([_SURPRISE[count] for count in counts])))
