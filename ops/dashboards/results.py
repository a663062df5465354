"""What all queries of a dashboard got at one moment."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ops.dashboards.ask import Answer, Asker
from ops.dashboards.boards import Annotation, Board, Panel
from ops.dashboards.fill import Window, chosen
from ops.dashboards.palette import colour
from ops.dashboards.place import Marks, Times
from ops.prometheus_api import Prometheus, Series

_APART = 1.5
"""How many steps apart two samples are between which an annotation was over."""


@dataclass(frozen=True)
class Results:
    """One dashboard with everything chosen; `answers` are those of each panel, by its id.

    `story`: what happened in the time shown, as a sentence.
    """

    board: Board
    answers: Mapping[int, Sequence[Answer]]
    marks: Sequence[Marks]
    times: Times
    story: str

    def with_places(self, places: Mapping[str, str]) -> "Results":
        """The same, each place of this machine that a label names called as in the cluster."""

        def called(text: str) -> str:
            for here, there in places.items():
                text = text.replace(here, there)
            return text

        def moved(answer: Answer) -> Answer:
            series = [
                Series(metric={k: called(v) for k, v in one.metric.items()}, values=one.values)
                for one in answer.series
            ]
            return replace(answer, series=series)

        answers = {id_: [moved(one) for one in found] for id_, found in self.answers.items()}
        return replace(self, answers=answers)

    def empty(self) -> list[Panel]:
        """The panels of which no query got data."""
        return [
            panel
            for panel in self.board.charts
            if not any(answer.has_data for answer in self.answers[panel.id])
        ]


def gather(prometheus: Prometheus, board: Board, window: Window, story: str) -> Results:
    """Ask all that the dashboard asks. Raises ApiError if the server is gone."""
    asker = Asker(prometheus, window)
    everything = {variable.name: chosen(variable, ()) for variable in board.variables}
    return Results(
        board,
        {panel.id: asker.panel(panel, everything) for panel in board.charts},
        [_marks(marks, asker.annotation(marks, everything)) for marks in board.annotations],
        Times(asker.end, window.length, window.speed),
        story,
    )


def _marks(annotation: Annotation, answer: Answer) -> Marks:
    moments = _values if annotation.is_value_the_time else _spans
    spans = sorted(set(moments(answer.series)))
    return Marks(annotation.name, colour(annotation.colour), spans)


def _values(series: Iterable[Series]) -> Iterator[tuple[float, float]]:
    for one in series:
        for _, milliseconds in one.values:
            yield milliseconds / 1000, milliseconds / 1000


def _spans(series: Iterable[Series]) -> Iterator[tuple[float, float]]:
    for one in series:
        moments = [moment for moment, value in one.values if value > 0]
        step = min((later - earlier for earlier, later in pairwise(moments)), default=0.0)
        began = next(iter(moments), 0.0)
        for earlier, later in pairwise([*moments, math.inf]):
            if later - earlier > _APART * step:
                yield began, earlier
                began = later
