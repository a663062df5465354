"""Colour bands of panels, derived from the thresholds of the alerts that watch the same value.

A band starts at its value and reaches to the next one; the first has no lower end. Orange is
where a warning fires, red where a critical alert does. Raises ValueError, naming the alert, for a
threshold that is not given.
"""

from collections.abc import Mapping
from typing import TypeAlias

from grafana_foundation_sdk.models.dashboard import Threshold

Thresholds: TypeAlias = Mapping[str, Mapping[str, float]]
"""Alert name -> threshold name (`threshold`, or `threshold_low` and `threshold_high`) -> value."""

OK, WARNING, CRITICAL = "green", "orange", "red"

NEUTRAL = (Threshold(value=None, color="blue"),)
"""One colour for a value that no alert watches. Without any band, Grafana paints 80 and up red."""

ALL_UP = (Threshold(value=None, color=CRITICAL), Threshold(value=1, color=OK))
"""For a share, or a count, that is bad below 1."""

NONE_FIRING = (Threshold(value=None, color=OK), Threshold(value=1, color=WARNING))
"""For a count that is bad from 1 on."""


def above(
    thresholds: Thresholds, *, warning: str | None = None, critical: str | None = None
) -> tuple[Threshold, ...]:
    """Band a value that is good while small, by the alerts on it."""
    alerts = ((warning, WARNING), (critical, CRITICAL))
    starts = (Threshold(value=_value(thresholds, name), color=c) for name, c in alerts if name)
    return (Threshold(value=None, color=OK), *starts)


def below(
    thresholds: Thresholds, *, warning: str | None = None, critical: str | None = None
) -> tuple[Threshold, ...]:
    """Band a value that is good while large, by the alerts on it."""
    alerts = [(name, color) for name, color in ((critical, CRITICAL), (warning, WARNING)) if name]
    colors = [color for _, color in alerts] + [OK]
    ends = [None, *(_value(thresholds, name) for name, _ in alerts)]
    return tuple(
        Threshold(value=start, color=color) for start, color in zip(ends, colors, strict=True)
    )


def outside(thresholds: Thresholds, *, warning: str) -> tuple[Threshold, ...]:
    """Band a value that is good between the two thresholds of an alert."""
    return (
        Threshold(value=None, color=WARNING),
        Threshold(value=_value(thresholds, warning, "threshold_low"), color=OK),
        Threshold(value=_value(thresholds, warning, "threshold_high"), color=WARNING),
    )


def burning(thresholds: Thresholds, *, alert: str, color: str) -> tuple[Threshold, ...]:
    """Band a burn rate, good while small, by both limits of an alert."""
    limits = sorted(_value(thresholds, alert, f"threshold_{name}") for name in ("slow", "fast"))
    return (
        Threshold(value=None, color=OK),
        *(Threshold(value=limit, color=color) for limit in limits),
    )


def _value(thresholds: Thresholds, alert: str, name: str = "threshold") -> float:
    try:
        return float(thresholds[alert][name])
    except KeyError:
        raise ValueError(
            f"dashboards: a panel shows the {name} of {alert}, but none is given: "
            f"add the annotation {name!r} to that alert in rules/alerts/"
        ) from None
