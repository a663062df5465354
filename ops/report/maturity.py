"""The maturity score, 0 to 10: the sum of the points of each observed capability.

The owners set the score of each stage: 3.5 before, 7.0 at their report, and half a point each for
the scheduler, for harbinger, and for SLO dashboards with synthetic monitoring: 8.5. How a stage's
points are divided is our choice. A declaration alone, or an unreachable server, earns no points.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ops.numbers import points
from ops.report.document import Part, Section, Table, cell
from ops.report.facts import PROBES, Facts, Unavailable, reasons
from ops.report.guard import guarded

SCALE = 10
BEFORE, REPORT, SINCE = "before", "at the owners' report", "since then"


@dataclass(frozen=True)
class Evidence:
    """Whether a capability was observed, and a text that explains it."""

    observed: bool
    text: str


Check = Callable[[Facts], Evidence]


def prometheus_answers(facts: Facts) -> Evidence:
    """Prometheus returns its version."""
    if isinstance(facts.version, Unavailable):
        return Evidence(False, facts.version.reason)
    return Evidence(True, f"version {facts.version}")


def is_scraped(job: str) -> Check:
    """Check that the job has targets and all are up."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.targets, Unavailable):
            return Evidence(False, facts.targets.reason)
        targets = facts.jobs().get(job, [])
        up = sum(target.health == "up" for target in targets)
        if not targets:
            return Evidence(False, f"no target of job {job}")
        return Evidence(up == len(targets), f"{up} of {len(targets)} targets of {job} up")

    return check


def metrics_have_values(prefix: str) -> Check:
    """Check that every key metric with this name prefix has a value."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.metrics, Unavailable):
            return Evidence(False, facts.metrics.reason)
        if isinstance(facts.samples, Unavailable):
            return Evidence(False, facts.samples.reason)
        names = [one.name for one in facts.metrics if one.name.startswith(prefix)]
        missing = [name for name in names if not facts.series(name)]
        if missing or not names:
            return Evidence(False, f"no value of {', '.join(missing) or 'any metric'}")
        return Evidence(True, f"{len(names)} of {len(names)} metrics have a value")

    return check


def rules_are_healthy(group: str) -> Check:
    """Check that the rule group is loaded and all its rules are healthy."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.groups, Unavailable):
            return Evidence(False, facts.groups.reason)
        found = [rule for one in facts.groups if one.name == group for rule in one.rules]
        healthy = sum(rule.health == "ok" for rule in found)
        if not found:
            return Evidence(False, f"group {group} is not loaded")
        return Evidence(
            healthy == len(found), f"{healthy} of {len(found)} rules of {group} healthy"
        )

    return check


def has_dashboard(words: str) -> Check:
    """Check that the manifests contain a dashboard with these words in its title."""
    pattern = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.manifests, Unavailable):
            return Evidence(False, facts.manifests.reason)
        for model in sorted(facts.manifests.dashboards.values(), key=lambda one: one["title"]):
            if pattern.search(model["title"]):
                text = f"dashboard {model['title']} ({model['uid']}) provisioned"
                return Evidence(True, text)
        return Evidence(False, f"no dashboard {words} among the manifests")

    return check


def has_series(name: str) -> Check:
    """Check that a series of this name has a value."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.samples, Unavailable):
            return Evidence(False, facts.samples.reason)
        found = facts.series(name)
        return Evidence(bool(found), f"{len(found)} series of {name}" if found else f"no {name}")

    return check


def all_of(*checks: Check) -> Check:
    """Check that all the checks succeed."""

    def check(facts: Facts) -> Evidence:
        seen = [one(facts) for one in checks]
        return Evidence(
            all(one.observed for one in seen),
            "; ".join(dict.fromkeys(one.text for one in seen)),
        )

    return check


@dataclass(frozen=True)
class Capability:
    """An observability capability, its points, and the check that looks for it."""

    name: str
    stage: str
    points: float
    check: Check


CAPABILITIES = (
    Capability("Prometheus answers", BEFORE, 0.5, prometheus_answers),
    Capability("ψ-Field is scraped", BEFORE, 0.75, is_scraped("psi-field")),
    Capability("The treaty service is scraped", BEFORE, 0.75, is_scraped("aurora-treaty")),
    Capability(
        "ψ-Field's seven metrics have values", BEFORE, 0.75, metrics_have_values("psi_field_")
    ),
    Capability(
        "The treaty's six metrics have values", BEFORE, 0.75, metrics_have_values("treaty_")
    ),
    Capability("Alerts on ψ-Field are evaluated", REPORT, 0.75, rules_are_healthy("psi_field")),
    Capability(
        "Alerts on the treaty are evaluated", REPORT, 0.75, rules_are_healthy("aurora_treaty")
    ),
    Capability(
        "Aggregations are recorded", REPORT, 1.0, rules_are_healthy("vaultmesh_aggregations")
    ),
    Capability("Dashboard ψ-Field Metrics", REPORT, 0.5, has_dashboard("ψ-Field Metrics")),
    Capability("Dashboard Aurora KPIs", REPORT, 0.5, has_dashboard("Aurora KPIs")),
    Capability(
        "The scheduler is deployed, with its dashboard",
        SINCE,
        0.5,
        all_of(is_scraped("scheduler"), has_dashboard("Scheduler")),
    ),
    Capability("Harbinger is deployed", SINCE, 0.5, is_scraped("harbinger")),
    Capability(
        "SLO dashboards and synthetic monitoring",
        SINCE,
        0.5,
        all_of(has_dashboard("SLOs"), has_series(PROBES)),
    ),
)


@dataclass(frozen=True)
class Judged:
    """A capability and the result of its check."""

    capability: Capability
    evidence: Evidence

    @property
    def earned(self) -> float:
        """All of its points if it was observed, else 0."""
        return self.capability.points if self.evidence.observed else 0.0


def judge(facts: Facts) -> list[Judged]:
    """Check every capability, in the order of CAPABILITIES."""
    return [
        Judged(one, guarded(partial(one.check, facts), partial(Evidence, False)))
        for one in CAPABILITIES
    ]


def score(judged: list[Judged]) -> float:
    """The sum of the earned points; exact, because all are multiples of 0.25."""
    return sum(one.earned for one in judged)


def most_points() -> float:
    """The sum of the points of all capabilities."""
    return sum(capability.points for capability in CAPABILITIES)


def section(facts: Facts, judged: list[Judged]) -> Section:
    """The section with the score and the evidence for it."""
    return Section(
        id="maturity",
        title="Observability maturity",
        intro=f"{points(score(judged))} of {points(most_points())} points that can be earned here,"
        f" on a scale of 0 to {SCALE}. A capability earns its points only if it was observed.",
        blocks=[
            Table(
                ("Capability", "Stage", "Points", "Evidence"),
                [
                    (
                        cell(one.capability.name),
                        cell(one.capability.stage),
                        cell(
                            f"{points(one.earned)} of {points(one.capability.points)}",
                            tone="good" if one.evidence.observed else "bad",
                        ),
                        cell(Part(one.evidence.text, "" if one.evidence.observed else "bad")),
                    )
                    for one in judged
                ],
            )
        ],
        unavailable=reasons(facts.version, facts.manifests),
    )
