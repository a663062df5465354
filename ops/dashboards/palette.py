"""Colours: Grafana's names for them, those of lines, and the one that a value's band has."""

import re
from collections.abc import Sequence

INK, SOFT, RULE, PAPER, DESK = "#24292e", "#6b7280", "#e5e7eb", "#ffffff", "#f4f5f5"
NOTE, NOTE_INK, LINK_INK = "#fff4ce", "#7a5b00", "#3274d9"

LINES = (
    *("#56a64b", "#3274d9", "#ff780a", "#a352cc", "#e02f44", "#e0b400"),
    *("#0f9d9d", "#8a6d3b", "#5f6b7a", "#c15c9c"),
)
_NAMED = {
    "green": "#56a64b",
    "blue": "#3274d9",
    "orange": "#ff780a",
    "red": "#e02f44",
    "purple": "#a352cc",
    "yellow": "#e0b400",
}
_SHADE = re.compile(r"^(?:super-|semi-)?(?:light|dark)-")

Steps = Sequence[tuple[float | None, str]]


def colour(name: str) -> str:
    """A colour that can be drawn with; shades of one colour are one here."""
    plain = _SHADE.sub("", name)
    return _NAMED.get(plain, plain)


def line(index: int) -> str:
    """The colour of a panel's line, by its place in the legend."""
    return LINES[index % len(LINES)]


def of_value(value: float, steps: Steps) -> str:
    """The colour of the band that the value lies in."""
    inside = [name for start, name in steps if start is None or value >= start]
    return colour(inside[-1]) if inside else INK
