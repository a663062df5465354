"""What observability consists of here: the table behind the maturity score.

The owners gave the scores of the stages: 3.5 before, 7.0 at their report, and half a point each for
the scheduler, for harbinger, and for SLO dashboards with synthetic monitoring: 8.5. How the points
of a stage are divided is ours. Every point needs something that was observed: a declaration alone,
or a server that did not answer, earns none.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ops.report.checks import Evidence, all_of, answers, dashboard, rules, scraped, series, values
from ops.report.facts import PROBES, Facts

BEFORE, REPORT, SINCE = "before", "at the owners' report", "since then"


@dataclass(frozen=True)
class Capability:
    """`check` says whether it was observed, and what was seen."""

    name: str
    stage: str
    points: float
    check: Callable[[Facts], Evidence]


CAPABILITIES = (
    Capability("Prometheus answers", BEFORE, 0.5, answers),
    Capability("ψ-Field is scraped", BEFORE, 0.75, scraped("psi-field")),
    Capability("The treaty service is scraped", BEFORE, 0.75, scraped("aurora-treaty")),
    Capability("ψ-Field's seven metrics have values", BEFORE, 0.75, values("psi-field")),
    Capability("The treaty's six metrics have values", BEFORE, 0.75, values("aurora-treaty")),
    Capability("Alerts on ψ-Field are evaluated", REPORT, 0.75, rules("psi_field")),
    Capability("Alerts on the treaty are evaluated", REPORT, 0.75, rules("aurora_treaty")),
    Capability("Aggregations are recorded", REPORT, 1.0, rules("vaultmesh_aggregations")),
    Capability("Dashboard ψ-Field Metrics", REPORT, 0.5, dashboard("ψ-Field Metrics")),
    Capability("Dashboard Aurora KPIs", REPORT, 0.5, dashboard("Aurora KPIs")),
    Capability(
        "The scheduler is deployed, with its dashboard",
        SINCE,
        0.5,
        all_of(scraped("scheduler"), dashboard("Scheduler")),
    ),
    Capability("Harbinger is deployed", SINCE, 0.5, scraped("harbinger")),
    Capability(
        "SLO dashboards and synthetic monitoring",
        SINCE,
        0.5,
        all_of(dashboard("SLOs"), series(PROBES)),
    ),
)
