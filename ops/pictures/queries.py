"""Sends a dashboard's queries to Prometheus as Grafana does, with variables replaced."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.http_api import ApiError
from ops.live.scaling import scale_promql
from ops.pictures.boards import PIXELS, Annotation, Panel, Target
from ops.prometheus_api import Prometheus, Series
from promql.variables import replace_variables

_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
_SIXTIETHS = ((1.5, 1), (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30))
_ROUNDED = {
    _SECOND: _SIXTIETHS,
    _MINUTE: _SIXTIETHS,
    _HOUR: ((1.5, 1), (2.5, 2), (4.5, 3), (9, 6), (24, 12)),
    _DAY: ((7, 1), (21, 7), (42, 30), (math.inf, 365)),
}
"""Rounding table: (upper bound, rounded value), per unit; Grafana's own from 1 s on."""
_SCRAPES_IN_A_RATE = 4
_ANNOTATION_STEP = 60_000
"""The smallest step in milliseconds at which Grafana asks for annotations."""

Values = Mapping[str, str]
"""The text that replaces each variable in a query, by name."""


@dataclass(frozen=True)
class TimeRange:
    """The last `length` ms of the platform's time, which runs `speed` times as fast as the clock.

    `interval` is the data source's scrape interval in milliseconds.
    """

    length: int
    interval: int
    speed: int = 1

    def step(self, points: int) -> int:
        """Grafana's `$__interval` in milliseconds for a panel of about so many points a line."""
        exact = self.length // points
        rounded = next(
            step * unit
            for unit, steps in _ROUNDED.items()
            for below, step in steps
            if exact < below * unit
        )
        return max(rounded, self.interval)


@dataclass(frozen=True)
class Answer:
    """The result of a query, or the reason why it failed; an instant query gives single values."""

    query: str
    series: Sequence[Series]
    problem: str | None = None

    @property
    def has_data(self) -> bool:
        """Whether any value is a number other than NaN."""
        return any(not math.isnan(value) for one in self.series for _, value in one.values)


class QueryRunner:
    """Runs queries over a range that ends now. Every method may raise ApiError."""

    def __init__(self, prometheus: Prometheus, time_range: TimeRange) -> None:
        self._prometheus, self.time_range = prometheus, time_range
        self.end = datetime.now(UTC)
        self.start = self.end - timedelta(milliseconds=time_range.length / time_range.speed)

    def panel_answers(self, panel: Panel, values: Values) -> list[Answer]:
        """Run a panel's queries."""
        return [self._target(target, panel.points, values) for target in panel.targets]

    def annotation_answer(self, annotation: Annotation, values: Values) -> Answer:
        """Run an annotation's query."""
        query = fill_variables(annotation.expr, values, self.time_range, PIXELS)
        return self._range(query, max(_ANNOTATION_STEP, self.time_range.step(PIXELS)))

    def _target(self, target: Target, points: int, values: Values) -> Answer:
        query = fill_variables(target.expr, values, self.time_range, points)
        if not target.is_instant:
            return self._range(query, self.time_range.step(points))
        try:
            samples = self._prometheus.query(query)
        except ApiError as error:
            return Answer(query, (), str(error))
        return Answer(query, [Series(metric=s.metric, values=[s.value]) for s in samples])

    def _range(self, query: str, step: int) -> Answer:
        seconds = step / self.time_range.speed / 1000
        # Like Grafana, align the range to the step, so that a reload gets the same points.
        start, end = (
            datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)
            for moment in (self.start, self.end)
        )
        try:
            return Answer(query, self._prometheus.query_range(query, start, end, seconds))
        except ApiError as error:
            return Answer(query, (), str(error))


def fill_variables(expr: str, values: Values, time_range: TimeRange, points: int) -> str:
    """Replace the variables in a query of a panel of `points` a line, and scale durations.

    An unknown variable stays, as in Grafana; Prometheus then refuses the query.
    """
    step = time_range.step(points)
    rate = max(step + time_range.interval, _SCRAPES_IN_A_RATE * time_range.interval)
    seconds = round(time_range.length / _SECOND)
    known = {
        "__interval": f"{step}ms",
        "__interval_ms": str(step),
        "__rate_interval": f"{rate}ms",
        "__rate_interval_ms": str(rate),
        "__range": f"{seconds}s",
        "__range_s": str(seconds),
        "__range_ms": str(time_range.length),
        **values,
    }
    return scale_promql(replace_variables(expr, known.get), time_range.speed)
