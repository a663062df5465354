"""A page that is drawn on in pixels, from its top left corner: boxes, texts and charts."""

import io
import logging
from pathlib import Path
from typing import Any

# Otherwise it announces on stderr, once a machine, that it looks for fonts.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

import matplotlib  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.font_manager import FontProperties  # noqa: E402
from matplotlib.patches import FancyBboxPatch  # noqa: E402
from PIL import Image  # noqa: E402

from ops.dashboards.palette import INK, PAPER, RULE  # noqa: E402

DPI = 100
COLOURS = 200
"""Of the picture: enough for the colours used and the blends at their edges, and small."""
_POINT = DPI / 72
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "text.parse_math": False,
}


class Page:
    """A page of so many pixels."""

    def __init__(self, width: int, height: int, paper: str) -> None:
        self.width, self.height = width, height
        with matplotlib.rc_context(_STYLE):
            self._figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=paper)
            self._canvas = FigureCanvasAgg(self._figure)
            self._all = self._figure.add_axes((0, 0, 1, 1))
        self._all.set_axis_off()
        self._all.set_xlim(0, width)
        self._all.set_ylim(height, 0)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = PAPER,
        edge: str = RULE,
    ) -> None:
        """A box with round corners."""
        style = "round,pad=0,rounding_size=3"
        self._all.add_patch(
            FancyBboxPatch((x, y), width, height, boxstyle=style, fc=fill, ec=edge, lw=0.8)
        )

    def line(
        self, x: float, y: float, to_x: float, *, colour: str = RULE, width: float = 0.8
    ) -> None:
        """A level line."""
        self._all.plot([x, to_x], [y, y], color=colour, linewidth=width)

    def mark(self, x: float, y: float, colour: str) -> None:
        """The sign of a series in a legend."""
        self._all.plot([x, x + 12], [y, y], color=colour, linewidth=3, solid_capstyle="butt")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 9,
        colour: str = INK,
        bold: bool = False,
        align: str = "left",
        room: float | None = None,
    ) -> float:
        """A line of text whose middle is at `y`, cut to the `room` there is; its width."""
        shown = text if room is None else self.cut(text, room, size=size, bold=bold)
        with matplotlib.rc_context(_STYLE):
            self._all.text(
                x,
                y,
                shown,
                fontproperties=_font(size, bold),
                color=colour,
                ha=align,
                va="center_baseline",
            )
        return self.measure(shown, size=size, bold=bold)

    def measure(self, text: str, *, size: float, bold: bool = False) -> float:
        """How wide a text is."""
        renderer = self._canvas.get_renderer()
        width, _, _ = renderer.get_text_width_height_descent(text, _font(size, bold), ismath=False)
        return width

    def cut(self, text: str, room: float, *, size: float, bold: bool = False) -> str:
        """As much of the text as there is room for, with an ellipsis if that is not all."""
        if self.measure(text, size=size, bold=bold) <= room:
            return text
        while text and self.measure(f"{text}…", size=size, bold=bold) > room:
            text = text[:-1]
        return f"{text.rstrip()}…"

    def chart(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes that fill the place; their labels stand outside of it."""
        place = (
            x / self.width,
            1 - (y + height) / self.height,
            width / self.width,
            height / self.height,
        )
        with matplotlib.rc_context(_STYLE):
            axes = self._figure.add_axes(place)
        axes.set_facecolor("none")
        return axes

    def save(self, path: Path) -> None:
        """Write the page as PNG, the same for the same drawing. Raises OSError."""
        drawn = io.BytesIO()
        with matplotlib.rc_context(_STYLE):
            self._figure.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
        with Image.open(drawn) as image:
            small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        path.parent.mkdir(parents=True, exist_ok=True)
        small.save(path, format="PNG", optimize=True)


def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(family=["DejaVu Sans"], size=size, weight="bold" if bold else "normal")
