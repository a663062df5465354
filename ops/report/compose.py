"""Puts the report together."""

from ops.numbers import NOTHING, percent, points, when
from ops.report import (
    advice,
    alerting,
    changes,
    history,
    maturity,
    metrics,
    slos,
    snapshot,
    workloads,
)
from ops.report.document import Document, Tile
from ops.report.facts import AVAILABILITY, HEALTH, Facts, Unavailable
from ops.report.findings import findings
from ops.report.snapshot import Snapshot


def compose(
    facts: Facts,
    *,
    title: str,
    environment: str,
    hours: float,
    previous: Snapshot | None = None,
    problem: str | None = None,
) -> tuple[Document, Snapshot]:
    """The report, and the snapshot to lay beside it.

    `previous` is the snapshot of the last report, `problem` why it could not be read.
    """
    judged = maturity.judge(facts)
    found = findings(facts)
    current = snapshot.take(facts, judged)
    sections = [
        advice.findings_section(facts, found),
        advice.actions_section(found, judged),
        changes.section(previous, current, problem),
        alerting.firing_section(facts),
        workloads.section(facts),
        alerting.rules_section(facts),
        alerting.silences_section(facts),
        metrics.platform_section(facts),
        slos.section(facts),
        history.section(facts, hours),
        metrics.inventory_section(facts),
        maturity.section(facts, judged),
    ]
    named = isinstance(facts.version, str) and facts.version != "unknown"
    version = f" {facts.version}" if named else ""
    subtitle = (
        f"{environment} · {when(facts.now)} · Prometheus{version} at {facts.prometheus} ·"
        f" Alertmanager at {facts.alertmanager}"
    )
    return Document(title, subtitle, _tiles(facts, judged), sections), current


def _tiles(facts: Facts, judged: list[maturity.Judged]) -> list[Tile]:
    health, available = facts.value(HEALTH), facts.value(AVAILABILITY)
    score, most = maturity.score(judged), maturity.reachable()
    return [
        Tile("Health score", percent(health), metrics.share_tone(health)),
        Tile("Layer-3 availability", percent(available), metrics.share_tone(available)),
        _firing(facts),
        _targets(facts),
        _rules(facts),
        Tile("Maturity", points(score), "good" if score == most else "", f"of {points(most)}"),
    ]


def _firing(facts: Facts) -> Tile:
    if isinstance(facts.groups, Unavailable):
        return Tile("Alerts firing", NOTHING, "muted", "unknown")
    fired = [alert.labels.get("severity", "none") for _, alert in facts.firing()]
    counts = {one: fired.count(one) for one in dict.fromkeys(fired)}
    tone = "bad" if "critical" in counts else "warn" if counts else "good"
    detail = ", ".join(f"{count} {one}" for one, count in counts.items())
    return Tile("Alerts firing", str(len(fired)), tone, detail)


def _targets(facts: Facts) -> Tile:
    if isinstance(facts.targets, Unavailable):
        return Tile("Pods up", NOTHING, "muted", "unknown")
    pods = [target for targets in facts.jobs().values() for target in targets]
    up, total = sum(one.health == "up" for one in pods), len(pods)
    return Tile("Pods up", str(up), "good" if up == total and up else "bad", f"of {total} scraped")


def _rules(facts: Facts) -> Tile:
    if isinstance(facts.groups, Unavailable):
        return Tile("Rules healthy", NOTHING, "muted", "unknown")
    rules = list(facts.rules())
    healthy = sum(rule.health == "ok" for rule in rules)
    tone = "good" if healthy == len(rules) and healthy else "bad"
    return Tile("Rules healthy", str(healthy), tone, f"of {len(rules)} loaded")
