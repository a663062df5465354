"""The schema of `vaultmesh:settings`: every key that a stack may set, its type and default."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, RootModel, model_validator

from components.blackbox import Probe
from components.grafana_access import Exposure
from components.namespace import Quota
from components.placement import Placement
from components.routing import SEVERITIES, Routing
from components.storage_class import EbsVolumes, storage_class_name
from components.urls import HttpsUrl
from components.values import (
    DnsLabel,
    Duration,
    ObjectName,
    Replicas,
    Resources,
    Value,
    VolumeSize,
    WrongKeysError,
    matching,
)
from problems import did_you_mean
from promql.durations import parse_duration
from rules.slo.objectives import SloOptions
from rules.slo.windows import DEFAULT_PERIOD, PERIODS
from stacks.settings.aws import Aws
from stacks.settings.cluster import Cluster
from stacks.settings.programs import (
    HARBINGER,
    CronJob,
    CronJobName,
    Image,
    Workload,
    WorkloadName,
    neighbourhood,
    reach_problems,
)

SHORTEST_INTERVAL, LONGEST_INTERVAL = "30s", "2m"
"""Limits of a probe's interval: rules are evaluated every 30 s over the last 5 minutes."""
MARGIN = "1s"
"""A probe must end this long before the next one; the exporter needs half of it to answer."""
SHORTEST_ROLLOUT, LONGEST_ROLLOUT = "1m", "2h"
"""Limits of the rollout timeout."""
LONGEST_LABEL = 63
"""Letters of a label's value."""
LONGEST_SILENCE = parse_duration("23h")
"""An alarm of CloudWatch looks back one day at most."""


def _bounded_rollout(timeout: str) -> str:
    milliseconds, limits = parse_duration(timeout), f"{SHORTEST_ROLLOUT} to {LONGEST_ROLLOUT}"
    if milliseconds < parse_duration(SHORTEST_ROLLOUT):
        raise ValueError(f"`{timeout}` is too short to pull an image and start. Write {limits}.")
    if milliseconds > parse_duration(LONGEST_ROLLOUT):
        raise ValueError(
            f"`{timeout}` is too long: `pulumi up` would seem to hang. Write {limits}."
        )
    return timeout


def _known_period(text: str) -> str:
    if text not in PERIODS:
        raise ValueError(f"`{text}` is not a period of objectives. Use {' or '.join(PERIODS)}.")
    return text


def _known_severity(text: str) -> str:
    if text not in SEVERITIES:
        raise ValueError(f"no route matches the severity `{text}`. Use {' or '.join(SEVERITIES)}.")
    return text


def _refuse_reserved(namespace: str) -> str:
    if namespace == "default" or namespace.startswith("kube-"):
        raise ValueError(
            f"`{namespace}` is reserved for Kubernetes itself, which a quota and policies would"
            " break. Write one such as aurora-staging."
        )
    return namespace


SloPeriod = Annotated[str, AfterValidator(_known_period)]
Severity = Annotated[str, AfterValidator(_known_severity)]
RolloutTimeout = Annotated[Duration, AfterValidator(_bounded_rollout)]


class Rules(Value):
    """Where runbooks are published, overrides of single alerts, and choices for all objectives.

    `slo_period` is the time over which objectives are kept. `severities` maps severities that
    objectives use to those that have a route.
    """

    runbook_base_url: HttpsUrl
    overrides: dict[str, dict[str, str | float]] = Field(default_factory=dict)
    slo_period: SloPeriod = DEFAULT_PERIOD
    severities: dict[str, Severity] = Field(default_factory=dict)

    @property
    def slo_options(self) -> SloOptions:
        """The choices for all objectives, as rules take them."""
        return SloOptions(period=self.slo_period, severities=self.severities)


class Prometheus(Value):
    """Prometheus: its replicas, how long it keeps samples, its disk and resources."""

    replicas: Replicas = 1
    retention: Duration = "30d"
    storage: VolumeSize
    resources: Resources


class Alertmanager(Routing):
    """Alertmanager: its replicas, its disk for silences, and its routing."""

    replicas: int = Field(default=1, ge=1, le=5)
    storage: VolumeSize = "1Gi"
    resources: Resources = Resources()


class Grafana(Exposure):
    """Grafana: how people reach it, and its resources."""

    resources: Resources = Resources(
        memory="256Mi", memory_limit="512Mi", ephemeral_storage="512Mi"
    )


class Synthetics(Value):
    """Synthetic monitoring: `probes`, in addition to a default probe of each workload's /health.

    An answer that takes longer than `timeout` is a failure.
    """

    interval: Duration = SHORTEST_INTERVAL
    timeout: Duration = "5s"
    replicas: Replicas = 1
    probes: dict[DnsLabel, Probe] = Field(default_factory=dict)
    resources: Resources = Resources(cpu="25m", memory="64Mi", memory_limit="128Mi")

    @property
    def scrape_timeout(self) -> str:
        """How long Prometheus waits for a result: the probe's own timeout plus `MARGIN`."""
        return f"{parse_duration(self.timeout) + parse_duration(MARGIN)}ms"

    @model_validator(mode="after")
    def _times_fit_the_rules(self) -> "Synthetics":
        shortest, longest = parse_duration(SHORTEST_INTERVAL), parse_duration(LONGEST_INTERVAL)
        if not shortest <= parse_duration(self.interval) <= longest:
            raise WrongKeysError(
                {
                    "interval": f"`{self.interval}` does not fit the rules, which run every"
                    f" {SHORTEST_INTERVAL} over the last 5 minutes. Write {SHORTEST_INTERVAL} to"
                    f" {LONGEST_INTERVAL}."
                }
            )
        if parse_duration(self.timeout) + parse_duration(MARGIN) > parse_duration(self.interval):
            raise WrongKeysError(
                {
                    "timeout": f"`{self.timeout}` is too long for the interval {self.interval}."
                    f" Make it at least {MARGIN} shorter."
                }
            )
        return self


class ServicesImage(RootModel[Image]):
    """The image of all workloads and cron jobs without their own."""


class Images(Value):
    """The third-party images that the platform runs."""

    prometheus: Image
    alertmanager: Image
    blackbox_exporter: Image
    config_reloader: Image
    grafana: Image
    kube_state_metrics: Image


class Settings(Value):
    """All of `vaultmesh:settings`.

    A stack with `production` must page the production on-call, and other stacks must not. The
    engine refuses to delete its namespace, or to replace its StatefulSets. Without
    `create_namespace`, somebody else makes the namespace.
    `storage_class` names a class that somebody else makes, None the cluster's default class; with
    `ebs_volumes`, the stack makes its own.

    `rollout_timeout` is how long `pulumi up` waits for pods to become ready before it fails with
    the reason. A startup probe may allow more, so that Prometheus can replay a long write-ahead
    log. Such a pod goes on starting, and the next `pulumi up` waits for it again.
    """

    environment: DnsLabel
    production: bool
    namespace: Annotated[DnsLabel, AfterValidator(_refuse_reserved)]
    create_namespace: bool = True
    pod_security_version: Annotated[
        str, matching(r"v1\.(0|[1-9][0-9]*)", "a version of Kubernetes", "v1.34")
    ]
    cluster: Cluster
    storage_class: ObjectName | None = None
    ebs_volumes: EbsVolumes | None = None
    rollout_timeout: RolloutTimeout = "10m"
    pods: Placement = Placement()
    quota: Quota
    prometheus: Prometheus
    alertmanager: Alertmanager
    grafana: Grafana = Grafana()
    rules: Rules
    workloads: dict[WorkloadName, Workload] = Field(min_length=1)
    cron_jobs: dict[CronJobName, CronJob] = Field(default_factory=dict)
    synthetics: Synthetics = Synthetics()
    aws: Aws | None = None

    @property
    def rollout_seconds(self) -> int:
        """The rollout timeout in whole seconds."""
        return parse_duration(self.rollout_timeout) // 1000

    @property
    def volume_class(self) -> str | None:
        """The StorageClass of all volumes; None means the cluster's default class."""
        return storage_class_name(self.namespace) if self.ebs_volumes else self.storage_class

    @property
    def has_long_term_store(self) -> bool:
        """Whether Prometheus sends a copy of the series to keep for years to AWS."""
        return self.aws is not None and self.aws.managed_prometheus is not None

    @property
    def probes(self) -> Mapping[str, Probe]:
        """Every probe by name: one of each workload's /health, and those in the settings."""
        return {**self._health_probes, **self.synthetics.probes}

    @property
    def _health_probes(self) -> Mapping[str, Probe]:
        return {f"{name}-health": Probe(workload=name, path="/health") for name in self.workloads}

    @model_validator(mode="after")
    def _names_are_consistent(self) -> "Settings":
        wrong = dict(
            [*self._unknown_workloads(), *self._taken_probe_names(), *self._wrong_volumes()]
        )
        # An unknown workload in `calls` explains the address that can't be reached.
        wrong = wrong or dict([*self._unreachable_addresses(), *self._deaf_harbinger()])
        if self.aws and not self.cluster.eks:
            wrong["aws"] = "needs a cluster on EKS. Set cluster.eks, or remove aws."
        timeout = self.alertmanager.heartbeat.timeout
        if self.aws and self.aws.dead_mans_switch and parse_duration(timeout) > LONGEST_SILENCE:
            wrong["alertmanager.heartbeat.timeout"] = (
                f"`{timeout}` is longer than an alarm of CloudWatch can wait. Write 23h or less."
            )
        if self.production:
            wrong |= dict(self._unheard_alerts())
        if wrong:
            raise WrongKeysError(wrong)
        return self

    def _deaf_harbinger(self) -> Iterator[tuple[str, str]]:
        """What keeps the heartbeat of alerting from a pod of harbinger."""
        if (harbinger := self.workloads.get(HARBINGER)) is None:
            return
        webhook = self.alertmanager.webhook
        if webhook is None or webhook.workload != HARBINGER:
            yield (
                f"workloads.{HARBINGER}",
                "alertmanager.webhook sends it nothing. Set the webhook, or remove the workload.",
            )
        elif harbinger.replicas > 1:
            yield (
                f"workloads.{HARBINGER}.replicas",
                "each notification reaches one pod alone, so the others miss it. Write 1.",
            )

    def _unheard_alerts(self) -> Iterator[tuple[str, str]]:
        """What lets a production stack fail without anybody hearing of it."""
        if not self.alertmanager.paging:
            text = "reach no person at any time, and the stack is production. Add pagerduty."
            yield "alertmanager.routes.critical", f"critical alerts {text}"
        watched = self.alertmanager.heartbeat.outside
        if not watched and not (self.aws and self.aws.dead_mans_switch):
            yield (
                "alertmanager.heartbeat.outside",
                "nobody outside notices the end of alerting, and the stack is production. Write"
                " true, or set aws.deadMansSwitch.",
            )

    def _unknown_workloads(self) -> Iterator[tuple[str, str]]:
        named = [
            *((f"workloads.{name}.calls", work.calls) for name, work in self.workloads.items()),
            *((f"cronJobs.{name}.calls", job.calls) for name, job in self.cron_jobs.items()),
            *(
                (f"synthetics.probes.{name}.workload", (probe.workload,))
                for name, probe in self.synthetics.probes.items()
            ),
        ]
        if webhook := self.alertmanager.webhook:
            named.append(("alertmanager.webhook.workload", (webhook.workload,)))
        known = ", ".join(self.workloads)
        for key, names in named:
            for name in names:
                if name not in self.workloads:
                    advice = did_you_mean(name, self.workloads, f"Write one of {known}.")
                    yield key, f"`{name}` is not a workload. {advice}"

    def _wrong_volumes(self) -> Iterator[tuple[str, str]]:
        if self.ebs_volumes and len(storage_class_name(self.namespace)) > LONGEST_LABEL:
            text = "too long for the label of its StorageClass. Write 59 letters or less."
            yield "namespace", text
        if self.ebs_volumes and self.storage_class:
            yield (
                "storageClass",
                "with ebsVolumes the stack makes its own class. Remove one key.",
            )
        if self.production and self.ebs_volumes and self.ebs_volumes.reclaim_policy == "Delete":
            text = "a deleted claim would take production's data along. Write Retain."
            yield "ebsVolumes.reclaimPolicy", text

    def _unreachable_addresses(self) -> Iterator[tuple[str, str]]:
        near = neighbourhood(self.namespace, self.workloads)
        for section, programs in (("workloads", self.workloads), ("cronJobs", self.cron_jobs)):
            for name, program in programs.items():
                for key, text in reach_problems(program, near):
                    yield f"{section}.{name}.{key}", text

    def _taken_probe_names(self) -> Iterator[tuple[str, str]]:
        for name in self.synthetics.probes.keys() & self._health_probes.keys():
            yield (
                f"synthetics.probes.{name}",
                "this is the name of a workload's /health probe. Choose another name.",
            )
