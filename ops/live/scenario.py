"""Replays a recorded scenario on a running platform and compares the outcome with the record."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ops.http_api import ApiError
from ops.live.observation import Observation, Observer
from ops.live.platform import Platform
from ops.live.processes import LiveError
from ops.live.scaling import longest_range
from ops.live.terminal import Screen, alert_subject, align_columns, status_table
from ops.prometheus_api import WATCHDOG

FOLDER = Path(__file__).resolve().parent
TOLERANCE = 1e-9
"""Largest accepted difference from an expected result; covers float rounding only."""

LONGEST_RANGE_SECONDS = 15 * 60.0
"""In the platform's time; the scenario's alerts look back 10 minutes at most."""

GRACE_SECONDS = 60.0
"""Extra time for slow machines, beyond the time that the rules need."""


@dataclass(frozen=True)
class Row:
    """One comparison of an expected with an observed outcome."""

    what: str
    expected: str
    got: str

    @property
    def is_right(self) -> bool:
        """Whether the outcomes are equal."""
        return self.expected == self.got


@dataclass(frozen=True)
class Scenario:
    """The contents of a scenario's file; reference.yaml explains them."""

    path: Path
    pods: Mapping[str, Sequence[Mapping[str, float]]]
    rules: Mapping[str, int]
    results: Mapping[str, float]
    alerts: Sequence[Mapping[str, Any]]

    def compare(self, platform: Platform, seen: Observation, observer: Observer) -> list[Row]:
        """Compare all expected with the observed outcomes; never raises."""
        if seen.problem:
            return [Row("the platform answers", "yes", seen.problem)]
        down = [alert_subject(one.labels) for one in seen.targets if one.health != "up"]
        return [
            Row("targets that are not up", "none", _join(down)),
            *self._compare_rules(seen),
            *self._compare_results(observer),
            *self._compare_alerts(platform, seen),
        ]

    def _compare_rules(self, seen: Observation) -> Iterator[Row]:
        for file, number in self.rules.items():
            rules = [r for g in seen.groups if g.file.endswith(f"/{file}") for r in g.rules]
            healthy = [rule for rule in rules if rule.health == "ok"]
            got = f"{len(healthy)} of {len(rules)}"
            yield Row(f"healthy rules of {file}", f"{number} of {number}", got)
        sick = [rule.name for rule in seen.rules() if rule.health != "ok"]
        yield Row("rules that are not healthy", "none", _join(sick))

    def _compare_results(self, observer: Observer) -> Iterator[Row]:
        for name, expected in self.results.items():
            try:
                values = [sample.value[1] for sample in observer.prometheus.query(name)]
            except ApiError as error:
                yield Row(name, _number(expected), str(error))
                continue
            got = [
                _number(expected if abs(value - expected) <= TOLERANCE else value)
                for value in values
            ]
            yield Row(name, _number(expected), _join(got))

    def _compare_alerts(self, platform: Platform, seen: Observation) -> Iterator[Row]:
        firing = _group(
            (rule.name, alert.labels, f"{rule.labels['severity']} {alert.value:g}")
            for rule, alert in seen.alerts("firing")
            if rule.name != WATCHDOG
        )
        arrived = _group(
            (event["alertname"], event["labels"], _receipt(event)) for event in seen.events
        )
        for alert in self.alerts:
            labels = dict(alert["labels"])
            if number := alert.get("pod"):
                labels["pod"] = platform.pods_of(labels["job"])[number - 1].name
            name = f"{alert['alert']} on {alert_subject(labels)}"
            value = f"{alert['severity']} {alert['value']:g}"
            receipt = f"firing at {alert['severity']}, runbook {alert['alert']}.md"
            yield Row(f"fires: {name}", value, firing.pop(name, "no"))
            yield Row(f"arrived: {name}", receipt, arrived.pop(name, "no"))
        yield Row("other alerts that fire", "none", _join(list(firing)))
        yield Row("other alerts that arrived", "none", _join(list(arrived)))


def load_scenario(name: str) -> Scenario:
    """Read a scenario by name. Raises LiveError for an unknown name."""
    path = FOLDER / f"{name}.yaml"
    known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    if name not in known:
        raise LiveError(f"there is no scenario {name!r}. Choose {' or '.join(known)}.")
    return Scenario(path, **yaml.safe_load(path.read_text(encoding="utf-8")))


def replay_scenario(
    platform: Platform, observer: Observer, scenario: Scenario, screen: Screen
) -> None:
    """Wait until every expected alert has arrived and any other has had time to fire.

    Raises LiveError if the outcome still differs from the record after GRACE_SECONDS.
    """
    began = time.monotonic()

    def follow(until: Callable[[Observation], bool], seconds: float) -> Observation:
        """Run the platform until the condition holds or the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            platform.tick()
            seen = observer.observe()
            screen.show_table(status_table(seen))
            if until(seen) or time.monotonic() > deadline:
                return seen
            time.sleep(0.5)

    seen = follow(lambda seen: seen.is_up and seen.is_evaluated, GRACE_SECONDS)
    settle = settle_seconds(seen, platform.options.speed)
    screen.print_line(f"every alert has had time to fire in {settle:.0f} s")
    due = time.monotonic() + settle
    rows: list[Row] = []

    def is_done(seen: Observation) -> bool:
        rows[:] = scenario.compare(platform, seen, observer)
        return time.monotonic() >= due and all(row.is_right for row in rows)

    follow(is_done, settle + GRACE_SECONDS)
    head = ["", "", "expected", "got"]
    cells = [["" if r.is_right else "WRONG", r.what, r.expected, r.got] for r in rows]
    for line in align_columns([head, *cells]):
        screen.print_line(line)
    wrong = [row for row in rows if not row.is_right]
    took = f"{time.monotonic() - began:.0f} s"
    if wrong:
        raise LiveError(
            f"{len(wrong)} of {len(rows)} did not come out as recorded in {took}, the first: "
            f"{wrong[0].what}: expected {wrong[0].expected}, got {wrong[0].got}"
        )
    screen.print_line(f"all {len(rows)} came out as recorded, in {took}")


def settle_seconds(seen: Observation, speed: int) -> float:
    """Time until any alert on constant values fires: the longest range plus the longest `for`.

    Ranges above LONGEST_RANGE_SECONDS are ignored: they cover the whole run and settle with the
    first samples.
    """
    ranges = [longest_range(rule.query) for rule in seen.rules()]
    longest = max((one for one in ranges if one <= LONGEST_RANGE_SECONDS / speed), default=0.0)
    return longest + max((rule.duration for rule in seen.rules()), default=0.0)


def _group(found: Iterable[tuple[str, Mapping[str, str], str]]) -> dict[str, str]:
    """Join the distinct texts about each alert, by `NAME on SUBJECT`.

    Alertmanager repeats notifications, so duplicates are dropped.
    """
    groups: dict[str, list[str]] = {}
    for name, labels, text in found:
        groups.setdefault(f"{name} on {alert_subject(labels)}", []).append(text)
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in groups.items()}


def _receipt(event: Mapping[str, Any]) -> str:
    """Describe a notification: `firing at critical, runbook X.md`."""
    runbook = event["annotations"].get("runbook_url", "none").rpartition("/")[2]
    return f"{event['status']} at {event['receiver']}, runbook {runbook}"


def _number(value: float) -> str:
    return f"{value:.10g}"


def _join(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
