"""Sends the queries of a dashboard to Prometheus, each as its panel does."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.dashboards.boards import Annotation, Panel, Target, Variable
from ops.dashboards.fill import COLUMNS, Values, Window, filled
from ops.http_api import ApiError
from ops.prometheus_api import Prometheus, Series

_LABEL_VALUES = re.compile(r"label_values\((?:(?P<series>.+),)?\s*(?P<label>\w+)\s*\)", re.S)
_ANNOTATION_STEP = 60_000
"""How far apart in time Grafana asks for annotations at least, in milliseconds."""


@dataclass(frozen=True)
class Answer:
    """What a query got. `problem`: why it was refused. An instant query has one value a series."""

    query: str
    series: Sequence[Series]
    problem: str | None = None

    @property
    def has_data(self) -> bool:
        """Whether any value is a number that can be shown."""
        return any(not math.isnan(value) for one in self.series for _, value in one.values)


class Asker:
    """Asks one Prometheus, for the time that ends now. Every method may raise ApiError."""

    def __init__(self, prometheus: Prometheus, window: Window) -> None:
        self._prometheus, self.window = prometheus, window
        self.end = datetime.now(UTC)
        self.start = self.end - timedelta(milliseconds=window.length / window.speed)

    def values(self, variable: Variable) -> list[str]:
        """What can be chosen for a variable."""
        asked = _LABEL_VALUES.fullmatch(variable.query.strip())
        if not asked:
            raise ApiError(f"the variable {variable.name} asks {variable.query!r}, no label_values")
        return self._prometheus.label_values(
            asked["label"], asked["series"], start=self.start, end=self.end
        )

    def panel(self, panel: Panel, values: Values) -> list[Answer]:
        """The answers to a panel's queries."""
        return [self._target(target, panel.width, values) for target in panel.targets]

    def annotation(self, annotation: Annotation, values: Values) -> Answer:
        """The samples that become marks."""
        query = filled(annotation.expr, values, self.window, COLUMNS)
        return self._over_time(query, max(_ANNOTATION_STEP, self.window.step(COLUMNS)))

    def _target(self, target: Target, columns: int, values: Values) -> Answer:
        query = filled(target.expr, values, self.window, columns)
        if not target.is_instant:
            return self._over_time(query, self.window.step(columns))
        try:
            samples = self._prometheus.query(query)
        except ApiError as error:
            return Answer(query, (), str(error))
        return Answer(query, [Series(metric=s.metric, values=[s.value]) for s in samples])

    def _over_time(self, query: str, step: int) -> Answer:
        seconds = step / self.window.speed / 1000
        # As Grafana does: then the same moments are asked for again and again.
        start, end = (
            datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)
            for moment in (self.start, self.end)
        )
        try:
            return Answer(query, self._prometheus.query_range(query, start, end, seconds))
        except ApiError as error:
            return Answer(query, (), str(error))
