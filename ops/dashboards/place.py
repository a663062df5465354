"""Where a panel is drawn, the time it shows, and the marks on that time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.dashboards.page import Page

NOTHING = "No data"
"""What Grafana says in place of a drawing, unless the panel says something else."""


@dataclass(frozen=True)
class Place:
    """The inside of a panel's frame, in pixels of the page."""

    page: Page
    x: float
    y: float
    width: float
    height: float

    def say(self, text: str, colour: str) -> None:
        """Write a text in the middle, in place of a drawing."""
        page, middle = self.page, self.x + self.width / 2
        at = self.y + self.height / 2
        page.text(middle, at, text, colour=colour, align="center", room=self.width)


@dataclass(frozen=True)
class Times:
    """The time shown: `length` milliseconds of the platform's time, up to `end`."""

    end: datetime
    length: int
    speed: int

    @property
    def minutes(self) -> float:
        """How many minutes of the platform's time are shown."""
        return self.length / 60_000

    def ago(self, moment: float) -> float:
        """A Unix time as minutes of the platform's time, counted from the end: 0 or less."""
        return (moment - self.end.timestamp()) * self.speed / 60


@dataclass(frozen=True)
class Marks:
    """An annotation: from when to when something was so, in Unix time; both alike for a moment."""

    name: str
    colour: str
    spans: Sequence[tuple[float, float]]
