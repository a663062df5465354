"""What is known about the platform at one moment, and what could not be asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.alertmanager_api import NotifiedAlert, Silence
from ops.manifests import Manifests
from ops.prometheus_api import (
    WATCHDOG,
    ActiveAlert,
    Metadata,
    Rule,
    RuleGroup,
    Sample,
    Series,
    Target,
)
from ops.report.inventory import Metric

HEALTH, AVAILABILITY = "vaultmesh:health_score", "vaultmesh:l3_availability"
DRIFT, ERROR = "psi:pod_drift:abs", "psi_field_prediction_error"
STEPS = "psi_field_step_requests_total"
ENGINE = "psi_field_engine_info"
PROBES = "probe_success"
ALWAYS = (HEALTH, AVAILABILITY, DRIFT, STEPS, ENGINE, PROBES)
"""Series that the report looks at, whether or not the inventory or a rule names them."""


@dataclass(frozen=True)
class Unavailable:
    """What was asked for and could not be had; the reason is one line."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Answers as they came; `moves` counts, by pod, how often a ψ-Field moved in the last hour."""

    now: datetime
    prometheus: str
    alertmanager: str
    version: str | Unavailable
    targets: Sequence[Target] | Unavailable
    groups: Sequence[RuleGroup] | Unavailable
    samples: Sequence[Sample] | Unavailable
    moves: Sequence[Sample] | Unavailable
    metadata: dict[str, list[Metadata]] | Unavailable
    notified: Sequence[NotifiedAlert] | Unavailable
    silences: Sequence[Silence] | Unavailable
    rendered: Manifests | Unavailable
    inventory: Sequence[Metric] | Unavailable
    history: Sequence[Sequence[Series] | Unavailable]

    def rules(self) -> Iterator[Rule]:
        """Every rule that is loaded; none if they could not be asked for."""
        if not isinstance(self.groups, Unavailable):
            for group in self.groups:
                yield from group.rules

    def firing(self) -> Iterator[tuple[Rule, ActiveAlert]]:
        """What fires and is news, the most severe and the oldest first."""
        found = [
            (rule, alert)
            for rule in self.rules()
            if rule.name != WATCHDOG
            for alert in rule.alerts
            if alert.state == "firing"
        ]
        yield from sorted(
            found,
            key=lambda pair: (
                severity_rank(pair[1].labels.get("severity", "")),
                pair[1].active_at or self.now,
                sorted(pair[1].labels.items()),
            ),
        )

    def series(self, name: str) -> list[Sample]:
        """The series of that name, in an order that does not change."""
        if isinstance(self.samples, Unavailable):
            return []
        found = [sample for sample in self.samples if sample.metric.get("__name__") == name]
        return sorted(found, key=lambda sample: sorted(sample.metric.items()))

    def value(self, name: str) -> float | None:
        """The value of a series that is alone of its name, else None."""
        found = self.series(name)
        return found[0].value[1] if len(found) == 1 else None

    def jobs(self) -> dict[str, list[Target]]:
        """The targets by job, one for each pod, both in order.

        Of a pod that is scraped for several things, such as probes, it is one that is not up.
        """
        jobs: dict[str, dict[tuple[str | None, ...], Target]] = {}
        if not isinstance(self.targets, Unavailable):
            for target in sorted(self.targets, key=lambda target: sorted(target.labels.items())):
                pods = jobs.setdefault(target.labels.get("job", ""), {})
                pod = (target.labels.get("pod"), target.labels.get("instance"))
                if pod not in pods or pods[pod].health == "up":
                    pods[pod] = target
        return {job: list(pods.values()) for job, pods in sorted(jobs.items())}


def severity_rank(severity: str) -> int:
    """0 for the most severe; one that is not known counts as most severe."""
    return {"warning": 1, "info": 2, "none": 3}.get(severity, 0)


def reasons(*wanted: object) -> list[str]:
    """Why some of these could not be had, each reason once."""
    return list(dict.fromkeys(one.reason for one in wanted if isinstance(one, Unavailable)))


def pod_of(labels: dict[str, str]) -> str:
    """The pod of a series or target, else its instance."""
    return labels.get("pod") or labels.get("instance") or "no pod"


def subject(labels: dict[str, str]) -> str:
    """What a series is about: its pod, or else its treaty, objective, probe, CronJob or service."""
    names = ("pod", "treaty", "sloth_id", "probe", "cronjob")
    named = next((labels[name] for name in names if labels.get(name)), None)
    return named or (f"{labels['job']} as a whole" if "job" in labels else "the environment")
