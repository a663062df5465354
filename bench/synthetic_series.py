"""Plans the series that the Prometheus of a large platform would hold.

They come from the inventory of metrics and from the recording rules. The Go program
`prometheus-series` writes them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import product

from promql.durations import parse_duration
from promql.expressions import Expression
from promql.lookback import LOOKBACK, find_reaches
from rules.inventory import Metric
from rules.rule import Record
from rules.rulebook import Rulebook
from services.psi_field.metrics import BUCKETS

PSI, TREATY, OBJECTS = "psi-field", "aurora-treaty", "kube-state-metrics"
TREATY_PODS = 2
NAMESPACE = "aurora-synthetic"
STEP = 30_000
"""Milliseconds between two samples, as deployed."""
IN_HEAD = LOOKBACK + 2 * STEP
"""Milliseconds of samples before `now` that the server reads into its memory when it starts; a
block has those before."""
OF_FAULTS = frozenset(
    {
        "ALERTS",
        "kube_deployment_status_condition",
        "kube_persistentvolumeclaim_status_phase",
        "kube_pod_container_status_waiting_reason",
    }
)
"""Series that are made up for no platform, because their queries select those of a faulty one."""
SERVERS = ("alertmanager", "prometheus-server")
"""The StatefulSets. Each of their pods has a claim."""


def _pod_name(workload: str, number: object) -> str:
    return f"{workload}-7d9c5b6f4-{number}"


_OWN_LABELS: Mapping[str, tuple[str, ...]] = {
    "code": ("200", "422"),
    "condition": ("true",),
    "engine": ("fallback",),
    "integration": ("email", "webhook"),
    "le": (*map(str, BUCKETS), "+Inf"),
    "outcome": ("success", "failure", "timeout"),
    "phase": ("Running",),
    "persistentvolumeclaim": tuple(f"data-{_pod_name(server, 0)}" for server in SERVERS),
    "reason": ("overlap", "missed"),
    "statefulset": SERVERS,
    "task": ("digest", "sweep"),
    "type": ("hard", "used"),
}
"""Values of the labels that have others than one made-up value."""
_GAUGES: Mapping[str, tuple[float, float]] = {
    **{
        f"psi_field_{name}": (0.5, 0.05)
        for name in ("density", "phase_coherence", "continuity", "futurity")
    },
    "psi_field_prediction_error": (0.5, 0),
    "psi_field_temporal_entropy": (0.5, 0.05),
    "psi_field_time_dilation": (1, 0.05),
    "treaty_fill_rate": (0.95, 0.01),
    "treaty_rtt_ms": (120, 10),
    "treaty_provenance_coverage": (0.95, 0.01),
    "probe_duration_seconds": (0.05, 0.01),
    "scrape_duration_seconds": (0.01, 0.002),
    "kube_persistentvolumeclaim_resource_requests_storage_bytes": (2**30, 0),
}
"""(value, swing) of gauges, within what no alert is about; all others are 1."""
_RATES: Mapping[str, float] = {
    "psi_field_step_requests_total": 0.5,
    "psi_field_step_duration_seconds": 0.5,
    "psi_field_fold_seconds": 0.5,
    "treaty_requests_total": 0.2,
    "treaty_requests_routed": 0.2,
    "slo:watch:seconds": 1,
}
"""Growth of the counters that grow, a second."""
_RECORDED_JOBS = {
    "psi": PSI,
    "treaty": TREATY,
    "probe": "blackbox-exporter",
    "scheduler": "scheduler",
    "cronjob": OBJECTS,
    "job": PSI,
}
"""The job of a recorded series by the first part of its name; those of SLOs have it in a label."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A number of series that differ in the number of the copy, `%d` in their labels.

    The fields are those that `prometheus-series` reads: `origin` is the time of the first sample,
    `step` the milliseconds between two, a multiple of STEP.
    """

    labels: Mapping[str, str]
    copies: int = 1
    origin: int = 0
    step: int = STEP
    recorded: bool = False
    value: float = 1
    swing: float = 0
    rate: float = 0


@dataclass(frozen=True, kw_only=True)
class PlatformSize:
    """How large a platform is: pods of ψ-Field, and treaties of two treaty pods."""

    pods: int
    treaties: int

    def __str__(self) -> str:
        pods = f"{self.pods:,} pod{'s' * (self.pods != 1)}"
        return f"{pods}, {self.treaties:,} treat{'ies' if self.treaties != 1 else 'y'}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The series of a platform of some size; `now` is in milliseconds since 1970.

    `reaches` says how far back each series is read. `ahead` is how long scraped series go on after
    `now`, so that a server that starts later finds fresh ones; both are in milliseconds.
    """

    rulebook: Rulebook
    size: PlatformSize
    now: int
    ahead: int
    reaches: Mapping[str, int]
    pods: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        others = {metric.workload: 1 for metric in self.rulebook.metrics if metric.workload}
        counts = {**others, PSI: self.size.pods, TREATY: TREATY_PODS}
        object.__setattr__(self, "pods", counts)

    def question(self, folder: str) -> dict[str, object]:
        """What `prometheus-series` reads."""
        return {
            "folder": folder,
            "step": STEP,
            "head": self.now - IN_HEAD,
            "now": self.now,
            "until": self.now + self.ahead,
            "families": [asdict(family) for family in self.families()],
        }

    def families(self) -> Iterator[Family]:
        """All series: those that are scraped, and the recorded ones that anything reads later."""
        for metric in self.rulebook.metrics:
            if not metric.labels_of_alert and metric.name not in OF_FAULTS:
                yield from self._scraped(metric)
        for record in self.rulebook.records:
            if self.reaches.get(record.name, 0) > 0:
                yield from self._recorded(record)

    def _scraped(self, metric: Metric) -> Iterator[Family]:
        workloads = [metric.workload] if metric.workload else list(self.pods)
        for name, labels in metric.series().items():
            for workload in workloads:
                for scraped in self._pods(workload, name):
                    own = frozenset(labels or ()) - scraped.keys()
                    yield from self._copies(name, metric.name, scraped, own, workload)

    def _pods(self, workload: str, name: str) -> Iterator[dict[str, str]]:
        """The labels of a workload's pods; those of ψ-Field and its objects are copies."""
        described = self.pods if name.startswith("kube_pod_") else [workload]
        for one in described:
            numbers = ["%d"] if one == PSI else [str(i) for i in range(self.pods[one])]
            for number in numbers:
                pod = _pod_name(one, number)
                host = pod if one == workload else workload
                yield {
                    "job": workload,
                    "namespace": NAMESPACE,
                    "pod": pod,
                    "instance": f"{host}:8000",
                }

    def _copies(
        self,
        name: str,
        metric: str,
        scraped: Mapping[str, str],
        own: Iterable[str],
        workload: str,
    ) -> Iterator[Family]:
        """The families of one series of one pod: each combination of the values of its labels."""
        own = sorted(own)
        for values in product(*(self._values(label, workload) for label in own)):
            labels = {"__name__": name, **scraped, **dict(zip(own, values, strict=True))}
            yield self._family(labels, metric)

    def _values(self, label: str, workload: str) -> Iterable[str]:
        match label:
            case "treaty":
                return ("AURORA-%d",)
            case "scrape_job":
                return self.pods
            case "deployment":
                return [name for name in self.pods if name in (PSI, TREATY)]
            case "workload":
                return (PSI,)
            case "job":
                return (workload,)
            case "namespace":
                return (NAMESPACE,)
            case _:
                return _OWN_LABELS.get(label, (f"{label}-0",))

    def _recorded(self, record: Record) -> Iterator[Family]:
        first, *_ = record.name.split(":")
        workload = record.labels.get("sloth_service") or _RECORDED_JOBS.get(first, "")
        own = frozenset(self.rulebook.labels_of(record.name) or ()) - record.labels.keys()
        step = parse_duration(record.group.interval or "0") or STEP
        yield from (
            Family(**{**asdict(family), "recorded": True, "step": step})
            for family in self._copies(record.name, record.name, record.labels, own, workload)
        )

    def _family(self, labels: Mapping[str, str], metric: str) -> Family:
        value, swing = _GAUGES.get(metric, (1.0, 0.0))
        if metric == "psi_field_peers_in_step":
            value = self.size.pods - 1
        elif metric == "kube_deployment_spec_replicas":
            value = self.pods[labels["deployment"]]
        elif labels.get("type") == "used":
            value = 0.5
        elif metric == "prometheus_target_scrape_pool_targets":
            value = self.pods[labels["scrape_job"]]
        elif "time" in metric and "seconds" in metric and metric not in _GAUGES:
            value = self.now / 1000
        elif metric.endswith("_total") or metric == "treaty_dropped_requests":
            value = 0
        copied = {"pod": self.size.pods, "treaty": self.size.treaties}
        copies = [many for name, many in copied.items() if "%d" in labels.get(name, "")]
        reach = max(self.reaches.get(labels["__name__"], 0), IN_HEAD)
        return Family(
            labels=labels,
            copies=copies[0] if copies else 1,
            origin=(self.now - reach - STEP) // STEP * STEP,
            value=value,
            swing=swing,
            rate=_RATES.get(metric, 0),
        )


def rule_reaches(rulebook: Rulebook) -> dict[str, int]:
    """How far back rules read each series, in milliseconds; 0 for its newest sample alone."""
    found: dict[str, int] = {}
    for rule in (*rulebook.records, *rulebook.alerts):
        if isinstance(rule.expression, Expression):
            add_reaches(found, rule.expression, 0)
    return found


def add_reaches(found: dict[str, int], expression: Expression, longer: int) -> None:
    """Add the reach of each series of an expression that is evaluated over the last `longer` ms."""
    for reach in find_reaches(expression.tree):
        if reach.selector.metric:
            before = found.get(reach.selector.metric, 0)
            found[reach.selector.metric] = max(before, reach.begin + longer)
