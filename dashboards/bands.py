"""Colour bands of panels: a few fixed ones, and those computed from thresholds of alerts.

A band starts at its value and ends where the next one starts; the first has no lower bound.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from grafana_foundation_sdk.models.dashboard import Threshold

from promql.errors import PromqlError
from rules.rule import Alert

Bands: TypeAlias = tuple[Threshold, ...]

OK, WARNING, CRITICAL = "green", "orange", "red"
SEVERITY_COLORS = {"warning": WARNING, "critical": CRITICAL}

NEUTRAL: Bands = (Threshold(value=None, color="blue"),)
"""For a value that no alert watches. Without bands, Grafana colours values of 80 and above red."""

ALL_UP: Bands = (Threshold(value=None, color=CRITICAL), Threshold(value=1, color=OK))
"""For a ratio or a count that is bad below 1."""

NONE_FIRING: Bands = (Threshold(value=None, color=OK), Threshold(value=1, color=WARNING))
"""For a count that is bad at 1 and above."""

_LESS_THAN = re.compile(r"<=?\s*(?:bool\s*)?$")
_TOGETHER = ({"threshold_low", "threshold_high"}, {"threshold_slow", "threshold_fast"})
"""Pairs of thresholds: an alert must have both or neither."""


class Limit(NamedTuple):
    """A threshold of an alert that fires above it if `is_upper`, otherwise below it."""

    value: float
    color: str
    is_upper: bool


def alert_limits(alert: Alert) -> Iterator[Limit]:
    """The thresholds of an alert, with the colour of its severity."""
    color = SEVERITY_COLORS.get(alert.severity, WARNING)
    for value in alert.thresholds.values():
        yield Limit(value, color, not _fires_below(alert, value))


def missing_thresholds(alert: Alert) -> list[str]:
    """The names of the thresholds that an alert lacks for a panel to draw it."""
    names = set(alert.thresholds)
    if not names:
        return ["threshold"]
    return sorted(name for pair in _TOGETHER if pair & names for name in pair - names)


def bands_of(limits: Iterable[Limit]) -> Bands:
    """Green where no alert fires; elsewhere the colour of the most severe alert that fires."""
    ordered = sorted(limits)
    below = [limit for limit in ordered if not limit.is_upper]
    above = [limit for limit in ordered if limit.is_upper]
    starts = [None, *(limit.value for limit in (*below, *above))]
    colors = [_worst_color(below[index:]) for index in range(len(below))]
    colors += [OK, *(_worst_color(above[: index + 1]) for index in range(len(above)))]
    return tuple(Threshold(value=v, color=c) for v, c in zip(starts, colors, strict=True))


def line_bands(bands: Bands) -> Bands:
    """The bands of a panel that draws its thresholds as lines.

    Each line should have the colour of the alert that fires beyond it. By default, Grafana draws a
    line in the colour of the band above it. If there is a transparent band, the lines from the
    bottom up to its lower end get the colour of the band below them instead. So if values below the
    good band are bad, the good band becomes transparent.
    """
    if bands[0].color == OK:
        return bands
    return tuple(
        Threshold(value=band.value, color="transparent") if band.color == OK else band
        for band in bands
    )


def alarm_color(colors: Iterable[str]) -> str:
    """The first colour that stands for a severity; "" if there is none."""
    return next((color for color in colors if color in (WARNING, CRITICAL)), "")


def _fires_below(alert: Alert, threshold: float) -> bool:
    if isinstance(alert.expression, PromqlError):
        return False
    text = alert.expression.text
    starts = (start for start, _ in alert.expression.comparisons(threshold))
    return any(_LESS_THAN.search(text[:start]) for start in starts)


def _worst_color(limits: Sequence[Limit]) -> str:
    return CRITICAL if any(limit.color == CRITICAL for limit in limits) else WARNING
