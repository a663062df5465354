"""Composes the report: its verdict, key figures and sections."""

from collections.abc import Callable, Sequence
from functools import partial

from ops.numbers import NOTHING, percent, points, when
from ops.report import alerts, changes, findings, history, maturity, metrics, slos, workloads
from ops.report.alerts import SEVERITY_TONES
from ops.report.changes import Snapshot
from ops.report.document import Document, Part, Section, Tile, clean
from ops.report.facts import AVAILABILITY, HEALTH, Facts, Unavailable
from ops.report.findings import Finding
from ops.report.guard import guarded

_TONES = ("good", "warn", "bad")
"""From the best to the worst."""


def compose(
    facts: Facts,
    *,
    title: str,
    environment: str,
    hours: float,
    previous: Snapshot | None = None,
    problem: str | None = None,
) -> tuple[Document, Snapshot]:
    """Compose the report, and the snapshot to compare the next report with.

    `previous` is the last report's snapshot; `problem` is the reason why it can't be read.
    """
    judged = maturity.judge(facts)
    found = findings.findings(facts)
    current = guarded(lambda: Snapshot.of(facts, judged), lambda _: Snapshot.empty(facts))
    sections: dict[str, Callable[[], Section]] = {
        "findings": lambda: findings.findings_section(facts, found),
        "actions": lambda: findings.actions_section(found, judged),
        "changes": lambda: changes.section(previous, current, problem),
        "alerts": lambda: alerts.firing_section(facts),
        "workloads": lambda: workloads.section(facts),
        "rules": lambda: alerts.rules_section(facts),
        "silences": lambda: alerts.silences_section(facts),
        "platform": lambda: metrics.platform_section(facts),
        "slos": lambda: slos.section(facts),
        "charts": lambda: history.section(facts, hours),
        "metrics": lambda: metrics.metrics_section(facts),
        "maturity": lambda: maturity.section(facts, judged),
    }
    named = isinstance(facts.version, str) and facts.version != "unknown"
    version = f" {clean(str(facts.version))}" if named else ""
    subtitle = (
        f"{environment} · {when(facts.now)} · Prometheus{version} at {facts.prometheus} ·"
        f" Alertmanager at {facts.alertmanager}"
    )
    made = [guarded(make, partial(_lost_section, name)) for name, make in sections.items()]
    tiles = list(_tiles(facts, found, judged))
    return Document(title, verdict(found), subtitle, tiles, made), current


def verdict(found: Sequence[Finding]) -> Part:
    """The page's first line: how many findings of each severity there are, and the worst."""
    if not found:
        return Part("Nothing is wrong.", "good")
    severities = [one.severity for one in found]
    counts = ", ".join(f"{severities.count(one)} {one}" for one in dict.fromkeys(severities))
    noun = "finding" if len(found) == 1 else "findings"
    return Part(f"{counts} {noun}. The first: {found[0].what}", _worst_tone(found))


def _worst_tone(found: Sequence[Finding]) -> str:
    return SEVERITY_TONES.get(found[0].severity, "bad") if found else "good"


def _lost_section(name: str, why: str) -> Section:
    reason = f"This section could not be made: {why}."
    return Section(id=name, title=name.capitalize(), unavailable=[reason])


def _tiles(facts: Facts, found: Sequence[Finding], judged: list[maturity.Judged]) -> Sequence[Tile]:
    shown: dict[str, Callable[[], tuple[str, str, str]]] = {
        "Health score": lambda: _share(facts, HEALTH, found),
        "Layer-3 availability": lambda: _share(facts, AVAILABILITY, found),
        "Alerts firing": lambda: _firing(facts),
        "Pods up": lambda: _targets(facts),
        "Rules healthy": lambda: _rules(facts),
        "Maturity": lambda: (points(maturity.score(judged)), "", f"of {maturity.SCALE}"),
    }
    unknown = (NOTHING, "muted", "unknown")
    return [Tile(label, *guarded(make, lambda _: unknown)) for label, make in shown.items()]


def _share(facts: Facts, name: str, found: Sequence[Finding]) -> tuple[str, str, str]:
    """A share, in a tone that is never better than the worst finding: 100 % is not all."""
    value = facts.value(name)
    tone = metrics.share_tone(value)
    if tone in _TONES:
        tone = max(tone, _worst_tone(found), key=_TONES.index)
    return percent(value), tone, ""


def _firing(facts: Facts) -> tuple[str, str, str]:
    if isinstance(facts.groups, Unavailable):
        return NOTHING, "muted", "unknown"
    fired = [alert.labels.get("severity", "none") for _, alert in facts.firing()]
    counts = {one: fired.count(one) for one in dict.fromkeys(fired)}
    tone = "bad" if "critical" in counts else "warn" if counts else "good"
    return str(len(fired)), tone, ", ".join(f"{count} {one}" for one, count in counts.items())


def _targets(facts: Facts) -> tuple[str, str, str]:
    if isinstance(facts.targets, Unavailable):
        return NOTHING, "muted", "unknown"
    pods = [target for targets in facts.jobs().values() for target in targets]
    up, total = sum(one.health == "up" for one in pods), len(pods)
    return str(up), "good" if up == total and up else "bad", f"of {total} scraped"


def _rules(facts: Facts) -> tuple[str, str, str]:
    if isinstance(facts.groups, Unavailable):
        return NOTHING, "muted", "unknown"
    rules = list(facts.rules())
    healthy = sum(rule.health == "ok" for rule in rules)
    tone = "good" if healthy == len(rules) and healthy else "bad"
    return str(healthy), tone, f"of {len(rules)} loaded"
