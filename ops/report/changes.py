"""The section on changes since the last report, and the snapshots that it compares."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ops.numbers import number, points, when
from ops.report.document import Cell, Items, Part, Section, cell
from ops.report.facts import (
    AVAILABILITY,
    HEALTH,
    Facts,
    NotAsked,
    Unavailable,
    reasons,
    subject,
    unanswered,
)
from ops.report.maturity import Judged, score
from ops.report.workloads import UNKNOWN, workloads

VERSION = 2
NAMES = (HEALTH, AVAILABILITY)


class SnapshotError(Exception):
    """The file is not a valid snapshot; the message is one line with the reason."""


class Snapshot(BaseModel):
    """The values of one report, to compare the next with; None if not available.

    `not_asked` says which servers no option named: two scores compare only if it was the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    time: AwareDatetime
    score: float | None
    not_asked: list[str] = Field(default_factory=list)
    values: dict[str, float | None]
    workloads: dict[str, str | None] | None
    rules: dict[str, str] | None
    firing: list[str] | None
    silences: list[str] | None

    @classmethod
    def of(cls, facts: Facts, judged: list[Judged]) -> "Snapshot":
        """Take a snapshot of these facts."""
        asked = (facts.version, facts.targets, facts.groups, facts.samples, facts.manifests)
        asked += (facts.metrics, facts.stored)
        optional = (facts.dashboards, facts.regions, facts.verification)
        firing = {f"{rule.name} on {subject(alert.labels)}" for rule, alert in facts.firing()}
        return cls(
            version=VERSION,
            time=facts.now,
            score=None if reasons(*asked) or unanswered(*optional) else score(judged),
            not_asked=reasons(*(one for one in optional if isinstance(one, NotAsked))),
            values={name: _finite(facts.value(name)) for name in NAMES},
            workloads=None if reasons(facts.targets) else dict(_workloads(facts)),
            rules=None
            if reasons(facts.groups)
            else {rule.name: rule.health for rule in facts.rules()},
            firing=None if reasons(facts.groups) else sorted(firing),
            silences=None if reasons(facts.silences) else sorted(_silences(facts)),
        )

    @classmethod
    def empty(cls, facts: Facts) -> "Snapshot":
        """A snapshot without any values."""
        unknown = dict.fromkeys(("score", "workloads", "rules", "firing", "silences"))
        return cls(version=VERSION, time=facts.now, values={}, **unknown)

    def to_json(self) -> str:
        """Serialise the snapshot."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"


def _workloads(facts: Facts) -> Iterator[tuple[str, str | None]]:
    for workload in workloads(facts):
        known = workload.state != UNKNOWN
        yield workload.name, f"{workload.state}, {workload.up_of_expected}" if known else None


def _silences(facts: Facts) -> set[str]:
    found = [] if isinstance(facts.silences, Unavailable) else facts.silences
    return {
        ", ".join(f"{one.name}={one.value}" for one in silence.matchers)
        for silence in found
        if silence.status.state != "expired"
    }


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot. Raises SnapshotError."""
    try:
        snapshot = Snapshot.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SnapshotError(f"{path}: can't be read: {error.strerror}.") from None
    except ValidationError:
        raise SnapshotError(
            f"{path}: is not the snapshot of a report. Name another with --previous."
        ) from None
    if snapshot.version != VERSION:
        raise SnapshotError(f"{path}: has version {snapshot.version} instead of {VERSION}.")
    return snapshot


def section(before: Snapshot | None, now: Snapshot, problem: str | None) -> Section:
    """The section on changes; `problem` is the reason why the last snapshot can't be read."""
    if before is None:
        intro = "" if problem else "This is the first report: there is no other to compare it with."
        blocks = []
    else:
        intro = f"Compared with the report of {when(before.time)}."
        blocks = [Items(list(_changes(before, now)), empty="Nothing has changed.")]
    return Section(
        id="changes",
        title="Changes since the last report",
        intro=intro,
        blocks=blocks,
        unavailable=[problem] if problem else [],
    )


def _changes(before: Snapshot, now: Snapshot) -> Iterator[Cell]:
    """A line for each change; skips facts that either report lacks."""
    old, new = before.score, now.score
    if old is not None and new is not None and old != new and before.not_asked == now.not_asked:
        yield cell(f"Maturity: {points(old)} → {points(new)}.", tone="good" if new > old else "bad")
    for name, value in now.values.items():
        old = before.values.get(name)
        if old is not None and value is not None and number(old) != number(value):
            yield cell(
                f"{name}: {number(old)} → {number(value)}.", tone="good" if value > old else "bad"
            )
    yield from _new_and_ended(before.firing, now.firing, "Alert {}", "fires now", "has ended")
    yield from _changed(before.workloads, now.workloads, "Workload {}")
    yield from _changed(before.rules, now.rules, "Rule {}")
    yield from _new_and_ended(before.silences, now.silences, "Silence {}", "is new", "has ended")


def _new_and_ended(
    before: Sequence[str] | None, now: Sequence[str] | None, what: str, new: str, ended: str
) -> Iterator[Cell]:
    if before is not None and now is not None:
        for name in sorted({*now} - {*before}):
            yield cell(Part(f"{what.format(name)} {new}.", "warn"))
        for name in sorted({*before} - {*now}):
            yield cell(Part(f"{what.format(name)} {ended}."))


def _changed(
    before: Mapping[str, str | None] | None, now: Mapping[str, str | None] | None, what: str
) -> Iterator[Cell]:
    if before is not None and now is not None:
        for name in sorted({*before, *now}):
            old, new = before.get(name, "not there"), now.get(name, "not there")
            if old is not None and new is not None and old != new:
                yield cell(f"{what.format(name)}: {old} → {new}.")


def _finite(value: float | None) -> float | None:
    """None for NaN and infinity, which JSON cannot hold."""
    return value if value is not None and math.isfinite(value) else None
