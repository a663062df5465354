"""Draws a dashboard on Grafana's grid from what its queries got."""

from collections.abc import Callable, Mapping, Sequence

from ops.dashboards import lines, strips, values
from ops.dashboards.ask import Answer
from ops.dashboards.boards import Panel
from ops.dashboards.fill import COLUMNS
from ops.dashboards.page import Page
from ops.dashboards.palette import DESK, INK, LINK_INK, NOTE, NOTE_INK, SOFT
from ops.dashboards.place import Marks, Place, Times
from ops.dashboards.results import Results
from ops.live.problems import LiveError
from ops.report.numbers import span

MARGIN, COLUMN, ROW, GAP, INDENT = 20, 60, 30, 4, 10
HEAD, BANNER, TITLE = 112, 34, 26
"""Pixels: above the panels; of that, what says that this is a sketch; above a panel's inside."""
SMALLEST = 7.5
"""Points of the title of a panel that is narrow."""
LINK, LINK_ROOM = "\N{NORTH EAST ARROW}", 14

Draw = Callable[[Place, Panel, Sequence[Answer], Times, Sequence[Marks]], None]

KINDS: Mapping[str, Draw] = {
    "stat": values.big_numbers,
    "table": values.table,
    "timeseries": lines.over_time,
    "state-timeline": strips.states,
}
"""How each type of panel is drawn."""


def draw(results: Results) -> Page:
    """The whole dashboard. Raises LiveError for a type of panel that can't be drawn."""
    board = results.board
    rows = max(panel.y + panel.height for panel in board.panels)
    page = Page(2 * MARGIN + COLUMNS * COLUMN, HEAD + rows * ROW + MARGIN, DESK)
    _head(page, results)
    for panel in board.panels:
        x, y = MARGIN + panel.x * COLUMN, HEAD + panel.y * ROW
        if panel.type == "row":
            page.text(x + GAP, y + ROW / 2, panel.title, size=11, bold=True)
            continue
        if panel.type not in KINDS:
            raise LiveError(
                f"dashboard {board.title}, panel {panel.title}: the type {panel.type} can't be "
                f"drawn: choose one of {', '.join(KINDS)}, or add it in ops/dashboards/drawing.py"
            )
        place = _framed(page, panel, x, y)
        KINDS[panel.type](place, panel, results.answers[panel.id], results.times, results.marks)
    return page


def _framed(page: Page, panel: Panel, x: float, y: float) -> Place:
    """The inside of a panel, after its frame, its title and the sign of its links."""
    width, height = panel.width * COLUMN - 2 * GAP, panel.height * ROW - 2 * GAP
    page.box(x + GAP, y + GAP, width, height)
    left, middle, room = x + GAP + INDENT, y + GAP + TITLE / 2 + 1, width - 2 * INDENT
    if panel.model.get("links"):
        page.text(left + room, middle, LINK, size=9, colour=LINK_INK, align="right")
    size = 9.0
    while size > SMALLEST and page.measure(panel.title, size=size, bold=True) > room - LINK_ROOM:
        size -= 0.5
    page.text(left, middle, panel.title, size=size, bold=True, room=room - LINK_ROOM)
    return Place(page, left, y + GAP + TITLE, room, height - TITLE - 6)


def _head(page: Page, results: Results) -> None:
    board, times = results.board, results.times
    right = page.width - MARGIN - GAP
    page.box(MARGIN + GAP, 12, right - MARGIN - GAP, BANNER - 4, fill=NOTE, edge=NOTE)
    shown = span(times.length / 1000)
    note = (
        f"SKETCH drawn from live query results, not a Grafana screenshot. {shown} of the local "
        f"stack, whose time ran {times.speed} times faster. {results.story}"
    )
    page.text(MARGIN + GAP + 10, 12 + (BANNER - 4) / 2, note, size=9, colour=NOTE_INK, bold=True)
    left, upper, lower = MARGIN + GAP, 64, 92
    chosen = [f"{variable.name}: All" for variable in board.variables]
    page.text(left, upper, board.title, size=16, bold=True)
    page.text(right, upper, "   ".join([*chosen, f"Last {shown}"]), colour=INK, align="right")
    for marks in reversed(results.marks):
        right -= page.text(right, lower, marks.name, size=8.5, colour=SOFT, align="right") + 18
        page.mark(right, lower, marks.colour)
        right -= 16
    page.text(left, lower, board.description, size=9.5, colour=SOFT, room=right - left)
