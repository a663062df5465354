"""What a benchmark finds: rows of one table, curves and matrices, and the file that keeps them."""

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ops.numbers import NOTHING, grafana_value, number
from toolchain.base import CLONE, write_atomically

FOLDER = CLONE / "bench"
KEPT = FOLDER / "results.json"
"""The newest results of each part, from which results.md and the pictures are made."""
_COMPARISONS = {"≤": operator.le, "<": operator.lt, "≥": operator.ge}


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A limit for a row's ratio if it has one, else for its value, in the row's unit.

    `most` is a second limit, from above.
    """

    comparison: str
    limit: float
    most: float | None = None

    def met_by(self, found: float) -> bool:
        """Whether the value or ratio keeps to the limits."""
        kept = _COMPARISONS[self.comparison](found, self.limit)
        return kept and (self.most is None or found <= self.most)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: a value, and what it is compared with.

    `unit` is Grafana's id of a unit, for example `s`, `bytes`, `reqps` or `short`. `beside` names
    what `beside_value` measures, in the same unit. `ratio` is `value` by `beside_value`; a
    row may have one without a goal. `runs` says that both are medians of so many runs in turns.
    `spread` has the lowest and the highest of the runs: of the ratio if there is one, else of the
    value.
    """

    what: str
    value: float
    unit: str = "short"
    beside: str = ""
    beside_value: float | None = None
    goal: Goal | None = None
    note: str = ""
    runs: int = 0
    spread: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """`value` by `beside_value`; None without the latter."""
        return self.value / self.beside_value if self.beside_value else None

    @property
    def meets_goal(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        found = self.value if self.ratio is None else self.ratio
        return self.goal.met_by(found) if self.goal else None

    def cells(self) -> tuple[str, ...]:
        """The row's text: what, value, beside, ratio, goal, verdict."""
        value, beside, ratio, goal, verdict = grafana_value(self.value, self.unit), "", "", "", ""
        if self.beside_value is not None:
            beside = f"{self.beside}: {grafana_value(self.beside_value, self.unit)}"
        if self.ratio is not None:
            ratio = f"{self.ratio:.3g} times{self._shown_spread('{:.3g}'.format)}"
        else:
            value += self._shown_spread(lambda one: grafana_value(one, self.unit))
        if self.goal:
            limits = [(self.goal.comparison, self.goal.limit)]
            limits += [("≤", self.goal.most)] if self.goal.most is not None else []
            goal = ", ".join(
                f"{sign} {f'{limit:g} times' if ratio else grafana_value(limit, self.unit)}"
                for sign, limit in limits
            )
            verdict = "met" if self.meets_goal else "**missed**"
        notes = [self.note, f"{self.runs} runs" if self.runs > 1 else "1 run" if self.runs else ""]
        note = "; ".join(filter(None, notes))
        what = f"{self.what} ({note})" if note else self.what
        return what, value, beside, ratio, goal, verdict

    def _shown_spread(self, text: Callable[[float], str]) -> str:
        return f" ({' to '.join(map(text, self.spread))})" if self.runs > 1 and self.spread else ""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """How a cost grows: lines of (size, cost) on two logarithmic axes.

    `name` is the picture's file name without its suffix. `unit` is Grafana's id of the cost's unit.
    A straight line with the slope of the diagonal grows in proportion to its size.
    """

    name: str
    title: str
    size: str
    unit: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A table of its own: what each of several tools does, or what each of several stacks has.

    The first text of `header` and of each row names what the column below, or the row, is about.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def lines(self) -> list[str]:
        """The table in Markdown."""
        return [_line(self.header), f"|{'---|' * len(self.header)}", *map(_line, self.rows)]


Finding = Row | Curve | Matrix


@dataclass(frozen=True, kw_only=True)
class PartResult:
    """What a part found, when, at which commit, on which machine, and in how many seconds.

    `python_seconds` is how long Python took to start and to import asyncio when the part began: the
    same model of a processor may be shared, and several times as slow. None if it was not measured.
    A part that failed midway has not `ended`.
    """

    date: str
    commit: str
    machine: str
    seconds: float
    python_seconds: float | None = None
    ended: bool = True
    rows: Sequence[Row] = field(default_factory=list)
    curves: Sequence[Curve] = field(default_factory=list)
    matrices: Sequence[Matrix] = field(default_factory=list)


def load(path: Path = KEPT) -> dict[str, PartResult]:
    """The kept results by part; none if there is no file."""
    if not path.exists():
        return {}
    data = json.loads(path.read_text(encoding="utf-8"))
    return {part: _result(found) for part, found in data.items()}


def save(results: Mapping[str, PartResult], path: Path = KEPT) -> None:
    """Write the results of all parts."""
    data = {part: asdict(result) for part, result in results.items()}
    write_atomically(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def _result(found: dict[str, Any]) -> PartResult:
    rows = [
        Row(
            **{
                **row,
                "goal": Goal(**row["goal"]) if row["goal"] else None,
                "spread": tuple(row["spread"]),
            }
        )
        for row in found.pop("rows")
    ]
    curves = [Curve(**curve) for curve in found.pop("curves")]
    matrices = [Matrix(**matrix) for matrix in found.pop("matrices")]
    return PartResult(**found, rows=rows, curves=curves, matrices=matrices)


def _origin(part: str, result: PartResult) -> list[str]:
    took = f"{number(round(result.seconds))} s{'' if result.ended else ', then failed'}"
    start = result.python_seconds
    started = NOTHING if start is None else grafana_value(start, "s")
    return [part, result.date, result.commit, took, started]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown(results: Mapping[str, PartResult], titles: Mapping[str, str]) -> str:
    """The page `results.md`: one table, the curves and matrices, and where each part was measured.

    `titles` has the title of each part, in the order of the page.
    """
    parts = [(part, results[part]) for part in titles if part in results]
    lines = [
        "# Results of `make bench`",
        "",
        "If a row names a number of runs, its value is their median, and so is the value beside it;"
        " the two took turns (A B A B). The lowest and the highest run stand in brackets: of the"
        " ratio if there is one, else of the value. A goal limits the ratio if there is one, else"
        " the value, which depends on the machine: the last table says how fast it was.",
        "",
        "| Part | What | Measured | Beside it | Ratio | Goal | |",
        "|---|---|---|---|---|---|---|",
    ]
    for part, result in parts:
        for index, row in enumerate(result.rows):
            lines.append(_line(["" if index else f"**{titles[part]}**", *row.cells()]))
    lines.append("")
    for _, result in parts:
        lines += [f"![{curve.title}](pictures/{curve.name}.svg)" for curve in result.curves]
    for matrix in (matrix for _, result in parts for matrix in result.matrices):
        lines += ["", f"## {matrix.title}", "", *matrix.lines()]
    for machine in dict.fromkeys(result.machine for _, result in parts):
        lines += ["", f"Measured with {machine}:", ""]
        lines += ["| Part | Measured on | Commit | Took | Python started in |"]
        lines += [f"|{'---|' * 5}"]
        lines += [_line(_origin(part, one)) for part, one in parts if one.machine == machine]
    return "\n".join(lines) + "\n"
