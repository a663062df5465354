"""A recorded scenario: its values, and whether what must come of them has come."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ops.http_api import ApiError, Labels
from ops.live.observation import Observation, Observer
from ops.live.platform import Platform
from ops.live.problems import LiveError
from ops.live.view import on
from ops.prometheus_api import WATCHDOG

FOLDER = Path(__file__).resolve().parent
CLOSE = 1e-9
"""How far a result may be from what is expected: the error of binary fractions, no more."""


@dataclass(frozen=True)
class Row:
    """One thing that is compared."""

    what: str
    expected: str
    got: str

    @property
    def is_right(self) -> bool:
        """Whether it came out."""
        return self.expected == self.got


@dataclass(frozen=True)
class Scenario:
    """What a scenario's file holds; see reference.yaml."""

    path: Path
    pods: Mapping[str, Sequence[Mapping[str, float]]]
    rules: Mapping[str, int]
    results: Mapping[str, float]
    alerts: Sequence[Mapping[str, Any]]

    def compare(self, platform: Platform, seen: Observation, observer: Observer) -> list[Row]:
        """Everything that must come out, and what has; never raises."""
        if seen.problem:
            return [Row("the platform answers", "yes", seen.problem)]
        return [
            Row("targets that are not up", "none", _listed(_down(seen))),
            *self._healthy(seen),
            *self._results(observer),
            *self._alerts(platform, seen),
        ]

    def _healthy(self, seen: Observation) -> Iterator[Row]:
        for file, number in self.rules.items():
            rules = [r for g in seen.groups if g.file.endswith(f"/{file}") for r in g.rules]
            healthy = [rule for rule in rules if rule.health == "ok"]
            all_of = f"{len(healthy)} of {len(rules)}"
            yield Row(f"healthy rules of {file}", f"{number} of {number}", all_of)
        sick = [rule.name for rule in seen.rules() if rule.health != "ok"]
        yield Row("rules that are not healthy", "none", _listed(sick))

    def _results(self, observer: Observer) -> Iterator[Row]:
        for name, expected in self.results.items():
            try:
                values = [sample.value[1] for sample in observer.prometheus.query(name)]
            except ApiError as error:
                yield Row(name, _number(expected), str(error))
                continue
            shown = [
                _number(expected if abs(value - expected) <= CLOSE else value) for value in values
            ]
            yield Row(name, _number(expected), _listed(shown))

    def _alerts(self, platform: Platform, seen: Observation) -> Iterator[Row]:
        firing = _grouped(
            (rule.name, alert.labels, f"{rule.labels['severity']} {alert.value:g}")
            for rule, alert in seen.alerts("firing")
            if rule.name != WATCHDOG
        )
        arrived = _grouped(
            (event["alertname"], event["labels"], _receipt(event)) for event in seen.events
        )
        for alert in self.alerts:
            labels: Labels = dict(alert["labels"])
            if number := alert.get("pod"):
                labels["pod"] = platform.of(labels["job"])[number - 1].name
            name = f"{alert['alert']} on {on(labels)}"
            value = f"{alert['severity']} {alert['value']:g}"
            receipt = f"firing at {alert['severity']}, runbook {alert['alert']}.md"
            yield Row(f"fires: {name}", value, firing.pop(name, "no"))
            yield Row(f"arrived: {name}", receipt, arrived.pop(name, "no"))
        yield Row("other alerts that fire", "none", _listed(list(firing)))
        yield Row("other alerts that arrived", "none", _listed(list(arrived)))


def load(name: str) -> Scenario:
    """The scenario of this name. Raises LiveError if there is none."""
    path = FOLDER / f"{name}.yaml"
    known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    if name not in known:
        raise LiveError(f"there is no scenario {name!r}: choose {' or '.join(known)}")
    return Scenario(path, **yaml.safe_load(path.read_text(encoding="utf-8")))


def _grouped(found: Iterable[tuple[str, Labels, str]]) -> dict[str, str]:
    """What was found of each alert, by its name and what it is about; the same again counts once.

    Alertmanager repeats a notification after a while.
    """
    groups: dict[str, list[str]] = {}
    for name, labels, text in found:
        groups.setdefault(f"{name} on {on(labels)}", []).append(text)
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in groups.items()}


def _receipt(event: Mapping[str, Any]) -> str:
    """What arrived, and where: `firing at critical, runbook X.md`."""
    runbook = event["annotations"].get("runbook_url", "none").rpartition("/")[2]
    return f"{event['status']} at {event['receiver']}, runbook {runbook}"


def _down(seen: Observation) -> list[str]:
    return [on(target.labels) for target in seen.targets if target.health != "up"]


def _number(value: float) -> str:
    return f"{value:.10g}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
