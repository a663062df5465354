"""Draws a curve as an SVG file with two logarithmic axes, for light and dark pages."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from bench.results import Curve
from ops.numbers import grafana_value

WIDTH, HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 150, 40, 46
_COLOURS = ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#666666", "#a6761d", "#66a61e")
_STYLE = (
    "text{font:12px sans-serif;fill:#444}.t{font-size:14px}line{stroke:#8886}"
    "@media(prefers-color-scheme:dark){text{fill:#ccc}}"
)


def svg(curve: Curve) -> str:
    """The picture of a curve; points with a size or cost of 0 have no place on it."""
    lines = {
        name: [(x, y) for x, y in points if x > 0 and y > 0] for name, points in curve.lines.items()
    }
    points = [point for line in lines.values() for point in line]
    across = _Axis([x for x, _ in points], _LEFT, WIDTH - _RIGHT)
    up = _Axis([y for _, y in points], HEIGHT - _BOTTOM, _TOP)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(curve.title)}</title><style>{_STYLE}</style>",
            f'<text class="t" x="{_LEFT}" y="20">{escape(curve.title)}</text>',
            *_axes(curve, across, up),
            *_lines(lines, across, up),
            "</svg>\n",
        ]
    )


class _Axis:
    """Places values between two positions in pixels, over whole powers of ten."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low = math.floor(math.log10(min(values)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(values)) - 1e-9), self.low + 1)
        self.start, self.end = start, end

    def place(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _axes(curve: Curve, across: _Axis, up: _Axis) -> Iterator[str]:
    for value in across.ticks():
        x = across.place(value)
        yield f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{HEIGHT - _BOTTOM}"/>'
        yield (
            f'<text x="{x}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">'
            f"{grafana_value(value, 'short')}</text>"
        )
    for value in up.ticks():
        y = up.place(value)
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{WIDTH - _RIGHT}" y2="{y}"/>'
        yield (
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">'
            f"{escape(grafana_value(value, curve.unit))}</text>"
        )
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(curve.size)}</text>'


def _lines(lines: dict[str, list[tuple[float, float]]], across: _Axis, up: _Axis) -> Iterator[str]:
    for number, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        placed = [(across.place(x), up.place(y)) for x, y in points]
        path = " ".join(f"{x},{y}" for x, y in placed)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in placed)
        y = _TOP + 10 + 18 * number
        yield f'<circle cx="{WIDTH - _RIGHT + 14}" cy="{y - 4}" r="4" fill="{colour}"/>'
        yield f'<text x="{WIDTH - _RIGHT + 24}" y="{y}">{escape(name)}</text>'
