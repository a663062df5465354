"""Draws charts as SVG text whose colours are the variables of templates/charts.css.

Sizes are in pixels at 100 % zoom. The output is deterministic.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from ops.prometheus_api import Point

COLOURS = 8
"""Number of distinct line colours; charts.css defines --line-0 to --line-7."""
CHARACTER = 6.9
"""Upper estimate of a label character's width: the text is not measured in a browser."""
INK, RULE, LIMIT = "var(--ink-soft)", "var(--rule)", "var(--bad)"
_TOP, _RIGHT, _BOTTOM = 8, 18, 24
_LABEL_DROP = 17
"""Distance from the time axis down to the baseline of its labels."""
_STRIP = 0.72
"""Height of a strip as a share of its row."""
_CLOCK_STEPS = (
    *(1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 345_600, 604_800),
)
_DAY = 86_400
_HUGE = 1e300
"""Larger values, NaN and infinity don't extend the value axis."""


class Line(NamedTuple):
    """A named line; its points are ordered by time."""

    name: str
    values: Sequence[Point]


class Run(NamedTuple):
    """Consecutive equal samples: start and end as Unix times, and the value."""

    start: float
    end: float
    value: float


class Limit(NamedTuple):
    """A threshold line and its colour."""

    value: float
    colour: str = LIMIT


@dataclass(frozen=True)
class Marks:
    """Spans of an annotation in Unix time; start and end are equal for a single moment."""

    name: str
    colour: str
    spans: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """The range of an axis; `ticks` are (value, label)."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Frame:
    """The plot area of an SVG of `width` x `height` pixels, with its two axes."""

    width: float
    height: float
    left: float
    x: Axis
    y: Axis

    @property
    def right(self) -> float:
        """The right edge of the plot area."""
        return self.width - _RIGHT

    @property
    def bottom(self) -> float:
        """The bottom edge of the plot area, where the time axis is."""
        return self.height - _BOTTOM

    def at_x(self, value: float) -> float:
        """The x coordinate of a time, clamped to the plot area."""
        inside = min(max(value, self.x.low), self.x.high)
        share = (inside - self.x.low) / ((self.x.high - self.x.low) or 1)
        return round(self.left + share * (self.right - self.left), 1)

    def at_y(self, value: float) -> float:
        """The y coordinate of a value; not clamped."""
        share = (value - self.y.low) / ((self.y.high - self.y.low) or 1)
        return round(self.bottom - share * (self.bottom - _TOP), 1)


def line_chart(
    lines: Sequence[Line],
    *,
    width: float,
    height: float,
    x: Axis,
    y: Axis,
    limits: Iterable[Limit] = (),
    marks: Iterable[Marks] = (),
) -> Markup:
    """Draw lines, and the thresholds that lie within the range of `y`.

    A line has gaps where samples are missing or not finite. From the ninth line on, colours repeat
    with dashes.
    """
    left = min(10 + CHARACTER * max((len(label) for _, label in y.ticks), default=0), width / 3)
    frame = Frame(width, height, left, x, y)
    parts = [*_marks(frame, marks), *_value_axis(frame), *_time_axis(frame)]
    parts += [
        f'<path class="limit" d="M{left:g} {frame.at_y(limit.value):g}H{frame.right:g}" '
        f'stroke="{escape(limit.colour)}"/>'
        for limit in limits
        if y.low <= limit.value <= y.high
    ]
    for index, line in enumerate(lines):
        dashes = ' stroke-dasharray="4 3"' if index >= COLOURS else ""
        parts += [_path(frame, line.values, line_colour(index), dashes)]
    return _svg(width, height, parts)


def strip_chart(
    rows: Sequence[tuple[str, Sequence[tuple[Run, str]]]], *, width: float, height: float, x: Axis
) -> Markup:
    """Draw a strip for each row (name, [(run, colour)]); count rows that do not fit."""
    fit = max(1, int((height - _TOP - _BOTTOM) // 9))
    shown = rows if len(rows) <= fit else rows[: fit - 1]
    names = [name for name, _ in shown]
    if len(shown) < len(rows):
        names.append(f"and {len(rows) - len(shown)} more")
    left = min(14 + CHARACTER * max(map(len, names), default=0), width * 0.3)
    frame = Frame(width, height, left, x, Axis(len(names), 0, ()))
    parts = _time_axis(frame)
    size = min(11, (frame.bottom - _TOP) / max(len(names), 1))
    for index, name in enumerate(names):
        middle = frame.at_y(index + 0.5)
        text = escape(cut(name, left - 10, CHARACTER * size / 11))
        parts.append(f'<text x="0" y="{middle:g}" dy=".35em" font-size="{size:g}">{text}</text>')
    for index, (_, runs) in enumerate(shown):
        top, bottom = (frame.at_y(index + 0.5 + side * _STRIP / 2) for side in (-1, 1))
        for run, colour in runs:
            start, end = frame.at_x(run.start), frame.at_x(run.end)
            parts.append(
                f'<rect class="strip" x="{start:g}" y="{top:g}" width="{round(end - start, 1):g}" '
                f'height="{round(bottom - top, 1):g}" fill="{escape(colour)}"/>'
            )
    return _svg(width, height, parts)


def clock_axis(start: datetime, end: datetime, most: int = 6) -> Axis:
    """A time axis with at most about `most` labels, in UTC; midnight is labelled with the date."""
    low, high = start.timestamp(), end.timestamp()
    step = next((one for one in _CLOCK_STEPS if (high - low) / one <= most), _CLOCK_STEPS[-1])
    first = math.ceil(low / step) * step
    moments = [first + index * step for index in range(int((high - first) // step) + 1)]
    return Axis(low, high, [(moment, _clock(moment, step)) for moment in moments])


def value_axis(
    values: Iterable[float],
    format_value: Callable[[float], str],
    *,
    at_least: Iterable[float] = (),
    most: int = 5,
) -> Axis:
    """A value axis that covers the finite values, with labels at round numbers.

    The range always includes the values in `at_least`. If all values are integers, so are the
    labels.
    """
    inside = [*(value for value in values if abs(value) < _HUGE), *at_least] or [0.0]
    low, high = min(inside), max(inside)
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0) or 1.0
    room = (high - low) * 0.04
    low, high = (low if low == 0 else low - room), high + room
    is_whole = all(float(value).is_integer() for value in inside)
    step = _round_step((high - low) / most, is_whole)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [round(index * step, 12) for index in range(first, last + 1)]
    return Axis(low, high, [(tick, format_value(tick)) for tick in ticks])


def with_gaps(values: Sequence[Point]) -> list[Point]:
    """The points, with NaN where samples are missing or not finite."""
    steps = sorted(later[0] - earlier[0] for earlier, later in pairwise(values))
    usual = steps[len(steps) // 2] if steps else math.inf
    points: list[Point] = []
    for moment, value in values:
        if points and moment - points[-1][0] > 1.5 * usual:
            points.append(((points[-1][0] + moment) / 2, math.nan))
        points.append((moment, value if math.isfinite(value) else math.nan))
    return points


def runs(values: Sequence[Point]) -> Iterator[Run]:
    """Split samples into runs; a run ends where the value changes or a sample is missing."""
    steps = [later[0] - earlier[0] for earlier, later in pairwise(values)]
    step = min(steps, default=1.0)
    start, before, value = values[0][0], values[0][0], values[0][1]
    for moment, new in values[1:]:
        if new != value or moment - before > 1.5 * step:
            yield Run(start, min(moment, before + step), value)
            start, value = moment, new
        before = moment
    yield Run(start, before + step, value)


def line_colour(index: int) -> str:
    """The colour of the line at this index."""
    return f"var(--line-{index % COLOURS})"


def cut(text: str, room: float, character: float = CHARACTER) -> str:
    """Truncate the text to `room` pixels, with an ellipsis."""
    fit = max(1, int(room / character))
    return text if len(text) <= fit else f"{text[: fit - 1].rstrip()}…"


def _round_step(least: float, is_whole: bool) -> float:
    """Round up to 1, 2, 2.5 or 5 times a power of ten."""
    if is_whole:
        least = max(least, 1.0)
    power = 10.0 ** math.floor(math.log10(least))
    factors = (1, 2, 5, 10) if is_whole and power < 10 else (1, 2, 2.5, 5, 10)
    return next((factor * power for factor in factors if factor * power >= least * 0.999), least)


def _clock(moment: float, step: float) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    if step >= _DAY or moment % _DAY == 0:
        return f"{at:%b} {at.day}"
    return f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"


def _path(frame: Frame, values: Sequence[Point], colour: str, dashes: str) -> str:
    pieces: list[list[str]] = [[]]
    for moment, value in with_gaps(values):
        if math.isnan(value):
            pieces.append([])
        elif abs(value) < _HUGE and frame.x.low <= moment <= frame.x.high:
            pieces[-1].append(f"{frame.at_x(moment):g} {frame.at_y(value):g}")
    lines = "".join(f"M{'L'.join(piece)}" for piece in pieces if len(piece) > 1)
    path = f'<path class="line" d="{lines}" stroke="{colour}"{dashes}/>' if lines else ""
    # An isolated point would be invisible as a line, so it becomes a dot.
    points = (piece[0].split() for piece in pieces if len(piece) == 1)
    return path + "".join(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>' for x, y in points)


def _value_axis(frame: Frame) -> list[str]:
    parts = []
    for value, label in frame.y.ticks:
        y = frame.at_y(value)
        parts.append(f'<path class="rule" d="M{frame.left:g} {y:g}H{frame.right:g}"/>')
        parts.append(
            f'<text x="{frame.left - 6:g}" y="{y:g}" dy=".35em" text-anchor="end">'
            f"{escape(label)}</text>"
        )
    return parts


def _time_axis(frame: Frame) -> list[str]:
    parts = [f'<path class="rule" d="M{frame.left:g} {frame.bottom:g}H{frame.right:g}"/>']
    for moment, label in frame.x.ticks:
        x, half = frame.at_x(moment), CHARACTER * len(label) / 2
        anchor = "start" if x - half < 0 else "end" if x + half > frame.width else "middle"
        parts.append(f'<path class="rule" d="M{x:g} {_TOP}V{frame.bottom:g}"/>')
        parts.append(
            f'<text x="{x:g}" y="{frame.bottom + _LABEL_DROP:g}" text-anchor="{anchor}">'
            f"{escape(label)}</text>"
        )
    return parts


def _marks(frame: Frame, marks: Iterable[Marks]) -> Iterator[str]:
    for mark in marks:
        for start, end in mark.spans:
            if end < frame.x.low:
                continue
            left, right = frame.at_x(start), frame.at_x(end)
            colour = escape(mark.colour)
            if right > left:
                yield (
                    f'<rect class="span" x="{left:g}" y="{_TOP}" width="{right - left:g}" '
                    f'height="{frame.bottom - _TOP:g}" fill="{colour}"/>'
                )
            yield f'<path class="mark" d="M{left:g} {_TOP}V{frame.bottom:g}" stroke="{colour}"/>'


def _svg(width: float, height: float, parts: Iterable[str]) -> Markup:
    # The callers have escaped every text and colour in `parts`.
    inside = "\n".join(filter(None, parts))
    return Markup(f'<svg viewBox="0 0 {width:g} {height:g}">\n{inside}\n</svg>')  # noqa: S704
