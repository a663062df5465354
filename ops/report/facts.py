"""The facts that a report is made of: server responses and the stack's manifests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.alertmanager_api import NotifiedAlert, Silence
from ops.http_api import Labels, Partial
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
from ops.verification import Verification

HEALTH, AVAILABILITY = "vaultmesh:health_score", "vaultmesh:l3_availability"
DRIFT, ERROR = "psi:pod_drift:abs", "psi_field_prediction_error"
STEPS = "psi_field_step_requests_total"
ENGINE = "psi_field_engine_info"
PROBES = "probe_success"
ALWAYS = (HEALTH, AVAILABILITY, DRIFT, STEPS, ENGINE, PROBES)
"""Series to query in addition to the key metrics and the recorded series."""


@dataclass(frozen=True)
class Unavailable:
    """Takes the place of a fact that could not be read; the reason is one line."""

    reason: str


@dataclass(frozen=True)
class NotAsked(Unavailable):
    """Takes the place of a fact for which no option named a server."""


@dataclass(frozen=True)
class Metric:
    """A key metric; `type` is `counter` or `gauge`, depending on how the rules use it."""

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All facts of a report; any of them may be Unavailable.

    `metrics` are the key metrics; `samples` are their values and those of recorded series. `moves`
    counts the changes of each ψ-Field pod in the last hour. `history` has an entry for each chart.
    `stored` has, for each pod whose remote write loses nothing, the seconds by which it is behind.
    `dashboards` has the titles in Grafana by uid, `regions` those that Route 53's checkers measure
    from. `verification` is None if none is kept in the cluster.
    """

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
    manifests: Manifests | Unavailable
    metrics: Sequence[Metric] | Unavailable
    history: Sequence[Sequence[Series] | Unavailable]
    stored: Sequence[Sample] | Unavailable
    dashboards: Mapping[str, str] | Unavailable
    regions: Sequence[str] | Unavailable
    verification: Verification | Unavailable | None

    def unasked(self) -> list[str]:
        """The reasons why servers could not be asked something; empty if all have answered."""
        prometheus = (self.version, self.targets, self.groups, self.samples, self.moves)
        prometheus += (self.metadata, self.stored, *self.history)
        others = (self.notified, self.silences, self.dashboards, self.regions, self.verification)
        return unanswered(*prometheus, *others)

    def rules(self) -> Iterator[Rule]:
        """Every loaded rule; none if the rules are unavailable."""
        if not isinstance(self.groups, Unavailable):
            for group in self.groups:
                yield from group.rules

    def firing(self) -> Iterator[tuple[Rule, ActiveAlert]]:
        """The firing alerts except the Watchdog, ordered by severity, then by age."""
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
        """The samples of this metric, ordered by labels."""
        if isinstance(self.samples, Unavailable):
            return []
        found = [sample for sample in self.samples if sample.metric.get("__name__") == name]
        return sorted(found, key=lambda sample: sorted(sample.metric.items()))

    def value(self, name: str) -> float | None:
        """The value of this metric; None unless it has exactly one series."""
        found = self.series(name)
        return found[0].value[1] if len(found) == 1 else None

    def jobs(self) -> dict[str, list[Target]]:
        """One target for each pod, by job; jobs and pods are sorted.

        For a pod with several targets, such as probes, it is one that is not up, if any.
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
    """Sort key of a severity: 0 is the most severe. Unknown severities count as 0."""
    return {"warning": 1, "info": 2, "none": 3}.get(severity, 0)


def reasons(*answers: object) -> list[str]:
    """The distinct reasons why these answers are unavailable, or not complete."""
    lacking = (one for one in answers if isinstance(one, Unavailable | Partial))
    return list(dict.fromkeys(one.reason for one in lacking))


def unanswered(*answers: object) -> list[str]:
    """The distinct reasons why a server did not give these answers."""
    lacking = (one for one in answers if isinstance(one, Unavailable))
    return reasons(*(one for one in lacking if not isinstance(one, NotAsked)))


def pod_of(labels: Labels) -> str:
    """The pod of a series or target; its instance if there is no pod."""
    return labels.get("pod") or labels.get("instance") or "no pod"


def subject(labels: Labels) -> str:
    """The subject of an alert: its pod, treaty, objective, probe, CronJob or job."""
    names = ("pod", "treaty", "sloth_id", "probe", "cronjob")
    named = next((labels[name] for name in names if labels.get(name)), None)
    return named or (f"{labels['job']} as a whole" if "job" in labels else "the environment")
