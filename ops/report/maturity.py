"""The maturity score, 0 to 10: the sum of the points of each observed capability.

The owners set the score of each stage: 3.5 before, 7.0 at their report, and half a point each for
the scheduler, for harbinger, and for SLO dashboards with synthetic monitoring: 8.5. How a stage's
points are divided is our choice, and so are the last 1.5. A declaration alone, or an unreachable
server, earns no points.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ops.numbers import points, span
from ops.report.document import Part, Section, Table, cell
from ops.report.facts import PROBES, Facts, Unavailable, reasons, unanswered
from ops.report.guard import guarded

SCALE = 10
BEFORE, REPORT, SINCE = "before", "at the owners' report", "since then"
LAST = "to the end of the scale"
VERIFIED_WITHIN = timedelta(days=7)
"""How old a verification may be: as old as the last weekly report."""
STORED_SECONDS = 300


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
    """Check that Grafana has a dashboard with these words in its title.

    What the manifests declare is said, but it is no evidence: Grafana may be down.
    """
    pattern = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.dashboards, Unavailable):
            rendered = (
                [] if isinstance(facts.manifests, Unavailable) else facts.manifests.dashboards
            )
            titles = [model["title"] for model in dict(rendered).values()]
            seen = [title for title in sorted(titles) if pattern.search(title)]
            what = f"dashboard {seen[0]} is rendered, not observed" if seen else "not observed"
            return Evidence(False, f"{what}: {facts.dashboards.reason}")
        for uid, title in sorted(facts.dashboards.items()):
            if pattern.search(title):
                return Evidence(True, f"Grafana has the dashboard {title} ({uid})")
        return Evidence(False, f"Grafana has no dashboard {words}")

    return check


def has_series(name: str) -> Check:
    """Check that a series of this name has a value."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.samples, Unavailable):
            return Evidence(False, facts.samples.reason)
        found = facts.series(name)
        return Evidence(bool(found), f"{len(found)} series of {name}" if found else f"no {name}")

    return check


def was_verified(facts: Facts) -> Evidence:
    """The cluster keeps the result of a `make verify` that found nothing red, not long ago."""
    found = facts.verification
    if isinstance(found, Unavailable):
        return Evidence(False, found.reason)
    if found is None:
        return Evidence(False, "no result of `make verify` is kept in the cluster")
    age = abs(facts.now - found.time)
    green = f"{found.checks - found.red} of {found.checks} checks green"
    text = f"{green}, {span(age.total_seconds())} ago"
    if age > VERIFIED_WITHIN:
        return Evidence(False, f"{text}: longer than {VERIFIED_WITHIN.days} days")
    return Evidence(found.red == 0 < found.checks, text)


def is_probed_from_regions(facts: Facts) -> Evidence:
    """Route 53's checkers measured from at least two regions, as Grafana reads in CloudWatch."""
    if isinstance(facts.regions, Unavailable):
        return Evidence(False, facts.regions.reason)
    names = ", ".join(facts.regions)
    return Evidence(
        len(facts.regions) > 1, f"checkers in {names}" if names else "no checkers measure anything"
    )


def is_stored(facts: Facts) -> Evidence:
    """Every pod that writes to a long-term store has sent lately, and lost nothing."""
    if isinstance(facts.stored, Unavailable):
        return Evidence(False, facts.stored.reason)
    behind = sorted(one.value[1] for one in facts.stored)
    if not behind:
        return Evidence(False, "no Prometheus sends samples to a long-term store without loss")
    return Evidence(
        all(seconds <= STORED_SECONDS for seconds in behind),
        f"the last samples were sent {span(behind[-1])} ago",
    )


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
    Capability("A real cluster passes `make verify`", LAST, 0.5, was_verified),
    Capability("Probes from several regions", LAST, 0.5, is_probed_from_regions),
    Capability("Metrics are kept for long", LAST, 0.5, is_stored),
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


def section(facts: Facts, judged: list[Judged]) -> Section:
    """The section with the score and the evidence for it."""
    return Section(
        id="maturity",
        title="Observability maturity",
        intro=f"{points(score(judged))} points on a scale of 0 to {SCALE}. A capability earns its"
        " points only if a live API showed it. The points say what can be seen, not that all is"
        " well: that is in the first line.",
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
        unavailable=[
            *reasons(facts.version, facts.manifests),
            *unanswered(facts.dashboards, facts.regions, facts.verification, facts.stored),
        ],
    )
