"""The few numbers of a report that the next one is compared with."""

import json
import math
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ops.report.facts import AVAILABILITY, HEALTH, Facts, Unavailable, subject
from ops.report.maturity import Judged, score
from ops.report.workloads import UNKNOWN, workloads

VERSION = 1
NAMES = (HEALTH, AVAILABILITY)


class SnapshotError(Exception):
    """The file is no snapshot; the message says why, on one line."""


class Snapshot(BaseModel):
    """One report in short. What could not be asked is None, and compared with nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    time: AwareDatetime
    score: float | None
    values: dict[str, float | None]
    workloads: dict[str, str | None] | None
    rules: dict[str, str] | None
    firing: list[str] | None
    silences: list[str] | None


def take(facts: Facts, judged: list[Judged]) -> Snapshot:
    """The snapshot of these facts."""
    return Snapshot(
        version=VERSION,
        time=facts.now,
        score=score(judged) if _observable(facts) else None,
        values={name: _finite(facts.value(name)) for name in NAMES},
        workloads=None
        if isinstance(facts.targets, Unavailable)
        else {
            workload.name: None
            if workload.state == UNKNOWN
            else f"{workload.state}, {workload.counted}"
            for workload in workloads(facts)
        },
        rules=None
        if isinstance(facts.groups, Unavailable)
        else {rule.name: rule.health for rule in facts.rules()},
        firing=None
        if isinstance(facts.groups, Unavailable)
        else sorted({f"{rule.name} on {subject(alert.labels)}" for rule, alert in facts.firing()}),
        silences=None
        if isinstance(facts.silences, Unavailable)
        else sorted(
            {
                ", ".join(f"{one.name}={one.value}" for one in silence.matchers)
                for silence in facts.silences
                if silence.status.state != "expired"
            }
        ),
    )


def read(path: Path) -> Snapshot:
    """Read a snapshot; raises SnapshotError."""
    try:
        snapshot = Snapshot.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SnapshotError(f"{path}: can't be read: {error.strerror}") from None
    except ValidationError:
        raise SnapshotError(f"{path}: is not what a report left beside it") from None
    if snapshot.version != VERSION:
        raise SnapshotError(f"{path}: is of version {snapshot.version}, not {VERSION}")
    return snapshot


def text(snapshot: Snapshot) -> str:
    """The file's text."""
    return json.dumps(snapshot.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"


def _observable(facts: Facts) -> bool:
    """Whether every place was asked in which a capability can be observed."""
    places = (facts.version, facts.targets, facts.groups, facts.samples, facts.rendered)
    return not any(isinstance(place, Unavailable) for place in (*places, facts.inventory))


def _finite(value: float | None) -> float | None:
    """JSON has no word for the others."""
    return value if value is not None and math.isfinite(value) else None
