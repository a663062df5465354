"""The engine of last resort: synthetic, deterministic, cheap."""

import cmath
import math
from collections.abc import Sequence

SIZE = 16
"""Numbers in a step."""

_INERTIA = 0.5
"""Share of the field that a step leaves as it was."""

_REACH = 0.5
"""How far from the field the guardian lets an input be."""

_BINS = 16


class FallbackPsiEngine:
    """A field f of 16 values in -1..1, at rest (all 0) at first, that follows its inputs.

    A step squashes its input, u = tanh(x), so that every finite x will do, then moves the field
    half the way: f' = f + d with d = (u - f) / 2. With the guardian, u is first brought to within
    0.5 of f, which halves the longest move.
    """

    def __init__(self) -> None:
        self._field = [0.0] * SIZE
        self._move = [0.0] * SIZE

    def step(self, x: Sequence[float], apply_guardian: bool) -> dict[str, float]:
        """Take one step of SIZE finite numbers; the metrics after it.

        - density, 0..1: mean |f'|.
        - phase_coherence, 0..1: |mean exp(i pi f')|, the order parameter of 16 oscillators
          whose phases are pi f'. 1 when all are equal.
        - continuity, 0..1: 1 - mean |d|. 1 when the field stays as it is.
        - futurity, 0..1: (1 + cos(d, d of the step before)) / 2. 1 when the move goes on as
          before, 0 when it turns back, 0.5 when there is no direction to compare.
        - temporal_entropy, 0..1: Shannon entropy of |d| over 16 equal bins of 0..1, divided by
          ln 16. 0 when all parts move alike, 1 when no two do.
        - prediction_error, 0..2: mean |u - f|. The field, an exponential mean of the inputs, is
          the forecast of the next one.
        - time_dilation, 0..2: 1 + mean |d| - mean |d of the step before|. 1 at a steady pace,
          more when the field speeds up.
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
            "density": _size(field),
            "phase_coherence": min(
                1.0, abs(sum(cmath.exp(1j * math.pi * f) for f in field)) / SIZE
            ),
            "continuity": 1 - _size(move),
            "futurity": (1 + _cosine(move, last)) / 2,
            "temporal_entropy": _entropy(move),
            "prediction_error": _size(errors),
            "time_dilation": 1 + _size(move) - _size(last),
        }


def _size(values: Sequence[float]) -> float:
    return math.fsum(map(abs, values)) / SIZE


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    # Scaled to the largest part: squares of tiny numbers would be lost.
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
