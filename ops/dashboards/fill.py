"""Fills the variables of a dashboard's queries in, as Grafana does before it sends them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.dashboards.boards import Variable
from ops.live.durations import scaled_promql
from promql.variables import replace_variables

PIXELS = 1600
"""How wide a dashboard is; Grafana asks for at most one value a pixel."""
COLUMNS = 24

_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
_SIXTIETHS = ((1.5, 1), (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30))
_ROUNDED = {
    _SECOND: _SIXTIETHS,
    _MINUTE: _SIXTIETHS,
    _HOUR: ((1.5, 1), (2.5, 2), (4.5, 3), (9, 6), (24, 12)),
    _DAY: ((7, 1), (21, 7), (42, 30), (math.inf, 365)),
}
"""Below how many units an interval is rounded to how many; Grafana's own table from 1 s on."""

_SPECIAL = re.compile(r"[\\$^*{}\[\]+?.()|]")
_SCRAPES_IN_A_RATE = 4

Values = Mapping[str, str]
"""What each variable stands for in a query, by its name."""


@dataclass(frozen=True)
class Window:
    """The time a dashboard shows: the last `length` milliseconds of the platform's time.

    The platform's time runs `speed` times as fast as the clock. `interval`: the data source's.
    """

    length: int
    interval: int
    speed: int = 1

    def step(self, columns: int) -> int:
        """How far apart a panel's values are, in milliseconds: `$__interval`."""
        exact = self.length // (PIXELS * columns // COLUMNS)
        rounded = next(
            step * unit
            for unit, steps in _ROUNDED.items()
            for below, step in steps
            if exact < below * unit
        )
        return max(rounded, self.interval)


def filled(expr: str, values: Values, window: Window, columns: int) -> str:
    """The PromQL of a panel that is `columns` wide, in the time of the clock.

    A variable that there is not stays, as it does in Grafana, and makes the query a wrong one.
    """
    step = window.step(columns)
    rate = max(step + window.interval, _SCRAPES_IN_A_RATE * window.interval)
    seconds = round(window.length / _SECOND)
    known = {
        "__interval": f"{step}ms",
        "__interval_ms": str(step),
        "__rate_interval": f"{rate}ms",
        "__rate_interval_ms": str(rate),
        "__range": f"{seconds}s",
        "__range_s": str(seconds),
        "__range_ms": str(window.length),
        **values,
    }
    return scaled_promql(replace_variables(expr, known.get), window.speed)


def chosen(variable: Variable, picked: Sequence[str]) -> str:
    """What the variable stands for: a pattern of the picked values; nothing picked means all."""
    if not picked:
        return variable.everything
    patterns = [_SPECIAL.sub(r"\\\g<0>", value) for value in picked]
    pattern = patterns[0] if len(patterns) == 1 else f"({'|'.join(patterns)})"
    # It stands in a string of PromQL.
    return pattern.replace("\\", "\\\\").replace('"', '\\"')
