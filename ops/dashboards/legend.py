"""How the series of a panel are called, and the lines of names below a chart."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ops.dashboards.boards import Target
from ops.dashboards.palette import INK
from ops.dashboards.place import Place

ROW, SIZE, MARK, SPACE = 17, 8, 17, 16
"""Pixels of a line, points of its text, pixels of a sign and of the space between two names."""
MOST_ROWS = 2

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Entry(NamedTuple):
    """A name and its colour."""

    name: str
    colour: str


def name(target: Target, labels: Mapping[str, str]) -> str:
    """The legend of a series: its target's pattern filled in, or all that tells it apart."""
    if target.legend:
        return _LABEL.sub(lambda found: labels.get(found[1], ""), target.legend)
    metric = labels.get("__name__", "")
    others = [f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__"]
    return f"{metric}{{{', '.join(others)}}}" if others else metric or "value"


def draw(place: Place, entries: Sequence[Entry]) -> float:
    """Write the names at the foot of the place, as many as there is room for; the height taken."""
    rows = _rows(place, entries)
    height = ROW * len(rows)
    for index, row in enumerate(rows):
        x, y = place.x, place.y + place.height - height + ROW * (index + 0.5)
        for entry in row:
            if entry.colour:
                place.page.mark(x, y, entry.colour)
                x += MARK
            room = place.x + place.width - x
            x += place.page.text(x, y, entry.name, size=SIZE, colour=INK, room=room) + SPACE
    return height


def _rows(place: Place, entries: Sequence[Entry]) -> list[list[Entry]]:
    rows: list[list[Entry]] = [[]]
    used = 0.0
    for index, entry in enumerate(entries):
        width = MARK + place.page.measure(entry.name, size=SIZE) + SPACE
        if rows[-1] and used + width - SPACE > place.width:
            if len(rows) == MOST_ROWS:
                rows[-1][-1] = Entry(f"and {len(entries) - index + 1} more", "")
                return rows
            rows.append([])
            used = 0.0
        rows[-1].append(entry)
        used += width
    return rows
