"""What has changed since the last report."""

from collections.abc import Iterator, Mapping, Sequence

from ops.numbers import number, points, when
from ops.report.document import Cell, Items, Part, Section, cell
from ops.report.snapshot import Snapshot


def section(before: Snapshot | None, now: Snapshot, problem: str | None) -> Section:
    """The changes; `problem` is why the snapshot of the last report could not be read."""
    if before is None:
        intro = "" if problem else "This is the first report: there is nothing to compare it with."
        blocks = []
    else:
        intro = f"Compared with the report of {when(before.time)}."
        blocks = [Items(list(changes(before, now)), empty="Nothing has changed.")]
    return Section(
        id="changes",
        title="Changes since the last report",
        intro=intro,
        blocks=blocks,
        unavailable=[problem] if problem else [],
    )


def changes(before: Snapshot, now: Snapshot) -> Iterator[Cell]:
    """Each change as a line; what one of the two reports could not ask is left out."""
    if before.score is not None and now.score is not None and before.score != now.score:
        up = now.score > before.score
        yield cell(
            f"Maturity: {points(before.score)} → {points(now.score)}.", tone="good" if up else "bad"
        )
    for name, value in now.values.items():
        old = before.values.get(name)
        if old is not None and value is not None and number(old) != number(value):
            yield cell(
                f"{name}: {number(old)} → {number(value)}.", tone="good" if value > old else "bad"
            )
    yield from _came_and_went(before.firing, now.firing, "Alert {}", "fires now", "has ended")
    yield from _became(before.workloads, now.workloads, "Workload {}")
    yield from _became(before.rules, now.rules, "Rule {}")
    yield from _came_and_went(before.silences, now.silences, "Silence {}", "is new", "has ended")


def _came_and_went(
    before: Sequence[str] | None, now: Sequence[str] | None, what: str, came: str, went: str
) -> Iterator[Cell]:
    if before is not None and now is not None:
        for name in sorted({*now} - {*before}):
            yield cell(Part(f"{what.format(name)} {came}.", "warn"))
        for name in sorted({*before} - {*now}):
            yield cell(Part(f"{what.format(name)} {went}."))


def _became(
    before: Mapping[str, str | None] | None, now: Mapping[str, str | None] | None, what: str
) -> Iterator[Cell]:
    if before is not None and now is not None:
        for name in sorted({*before, *now}):
            old, new = before.get(name, "not there"), now.get(name, "not there")
            if old is not None and new is not None and old != new:
                yield cell(f"{what.format(name)}: {old} → {new}.")
