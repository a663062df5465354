"""The result of one check on one thing, and the table of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from problems import one_line

SHOWN = 3


class State(StrEnum):
    """How a check came out. `UNTRIED` says that nothing could be tried here, which is no fault."""

    GREEN = "ok"
    UNTRIED = "not tried"
    RED = "RED"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What `check` found out about `subject`; `remedy` says what to do, and is empty if not red."""

    check: str
    subject: str
    state: State
    detail: str
    remedy: str = ""

    @property
    def is_red(self) -> bool:
        """Whether something is wrong."""
        return self.state is State.RED

    def as_json(self) -> dict[str, Any]:
        """The row for `--json`."""
        return asdict(self)


def green(check: str, subject: str, detail: str) -> Row:
    """A row for something that is right."""
    return Row(check=check, subject=subject, state=State.GREEN, detail=one_line(detail))


def untried(check: str, subject: str, reason: str) -> Row:
    """A row for something that can't be tried here."""
    return Row(check=check, subject=subject, state=State.UNTRIED, detail=one_line(reason))


def red(check: str, subject: str, detail: str, remedy: str) -> Row:
    """A row for something that is wrong."""
    text = one_line(detail)
    return Row(check=check, subject=subject, state=State.RED, detail=text, remedy=remedy)


def judge(check: str, subject: str, right: str, wrong: str | None, remedy: str) -> Row:
    """A row that is red with the detail `wrong`, or green with `right` if nothing is wrong."""
    return red(check, subject, wrong, remedy) if wrong else green(check, subject, right)


def some(texts: Sequence[str]) -> str:
    """The first texts and the number of the others; empty without any."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return "; ".join(texts[:SHOWN]) + more


def table(rows: Sequence[Row]) -> list[str]:
    """One line for each check, with all that is red or could not be tried below it."""
    checks = dict.fromkeys(row.check for row in rows)
    return [line for check in checks for line in _lines([r for r in rows if r.check == check])]


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of one check."""
    [check] = {row.check for row in rows}
    reds = [row for row in rows if row.is_red]
    untried_ones = [row for row in rows if row.state is State.UNTRIED]
    tried = len(rows) - len(untried_ones)
    state = State.RED if reds else State.GREEN if tried else State.UNTRIED
    counts = [f"{tried - len(reds)} of {tried}"] if tried else []
    counts += [f"{len(untried_ones)} not tried"] if untried_ones else []
    yield f"{state:9}  {check:13}  {', '.join(counts)}"
    for remedy, together in groupby((*reds, *untried_ones), lambda row: row.remedy):
        yield from (f"           - {row.subject}: {row.detail}" for row in together)
        if remedy:
            yield f"             do: {remedy}"
