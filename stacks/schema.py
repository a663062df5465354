"""The shape of `vaultmesh:settings`: every key a stack may set, its type and its default."""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

from stacks.fields import (
    DnsLabel,
    DomainName,
    Duration,
    Gibibytes,
    HttpsUrl,
    Image,
    Network,
    Port,
    Quantity,
    Schedule,
    Text,
    VariableName,
    WorkloadName,
)


class Section(BaseModel):
    """A group of settings: frozen, camelCase in YAML, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Cluster(Section):
    """How the cluster is reached: exactly one of an EKS name, a kubeconfig context, or a folder."""

    eks: Text | None = None
    context: Text | None = None
    render: Text | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Cluster":
        if sum(way is not None for way in (self.eks, self.context, self.render)) != 1:
            raise ValueError("set exactly one of eks, context, render")
        return self


class Resources(Section):
    """What a container asks for and may use at most; Kubernetes quantities."""

    cpu: Quantity = "50m"
    memory: Quantity = "128Mi"
    memory_limit: Quantity = "256Mi"
    ephemeral_storage: Quantity = "128Mi"


class Quota(Section):
    """Ceiling for the whole namespace: a number of pods, cores, and quantities of memory."""

    pods: int = Field(ge=1)
    cpu: Quantity
    memory: Quantity
    memory_limit: Quantity


class Prometheus(Section):
    """Prometheus: how many replicas, and for how long and on how much disk samples are kept."""

    replicas: int = Field(default=1, ge=1)
    retention: Duration = "15d"
    storage: Gibibytes
    resources: Resources


class Routes(Section):
    """Which channel each severity is sent to; the fields are the severities, least severe first."""

    warning: Literal["pagerduty", "slack", "webhook"]
    critical: Literal["pagerduty", "slack", "webhook"]


class Webhook(Section):
    """The workload that takes notifications over HTTP, and the path it takes them at."""

    workload: DnsLabel
    path: Annotated[str, StringConstraints(pattern=r"^/\S*$")]


class Alertmanager(Section):
    """Alertmanager: its replicas, its disk for silences, and where each severity goes."""

    replicas: int = Field(default=1, ge=1, le=5)
    storage: Gibibytes = "1Gi"
    routes: Routes
    slack_channel: Annotated[str, StringConstraints(pattern=r"^[#@]\S+$")] | None = None
    webhook: Webhook | None = None
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _channels_are_addressed(self) -> "Alertmanager":
        used = {self.routes.critical, self.routes.warning}
        if "slack" in used and self.slack_channel is None:
            raise ValueError("a route goes to slack: set slackChannel, e.g. '#alerts'")
        if "webhook" in used and self.webhook is None:
            raise ValueError(
                "a route goes to webhook: set webhook, e.g. {workload: harbinger, path: /alerts}"
            )
        return self


class Grafana(Section):
    """Grafana: internal, or behind a TLS load balancer.

    `source_ranges` are the networks of the people who may reach it, `subnet_ranges` those of the
    load balancer itself, from where its traffic and its health checks arrive; both CIDR.
    """

    exposure: Literal["internal", "load-balancer"] = "internal"
    source_ranges: tuple[Network, ...] = ()
    subnet_ranges: tuple[Network, ...] = ()
    certificate_arn: (
        Annotated[str, StringConstraints(pattern=r"^arn:aws[\w-]*:acm:\S+$")] | None
    ) = None
    domain: DomainName | None = None
    scheme: Literal["internal", "internet-facing"] = "internal"
    resources: Resources = Resources.model_validate(
        {"memory": "256Mi", "memoryLimit": "512Mi", "ephemeralStorage": "512Mi"}
    )

    @model_validator(mode="after")
    def _a_load_balancer_is_guarded(self) -> "Grafana":
        guards = ("source_ranges", "subnet_ranges", "certificate_arn", "domain")
        names = ", ".join(map(to_camel, guards))
        values = [getattr(self, guard) for guard in guards]
        if self.exposure == "load-balancer" and not all(values):
            raise ValueError(f"exposure: load-balancer needs all of {names}")
        if self.exposure == "internal" and any(values):
            raise ValueError(f"{names} are for exposure: load-balancer; remove them or set it")
        return self


class Rules(Section):
    """Where runbooks are published, and what this stack changes in the rules."""

    runbook_base_url: HttpsUrl
    overrides: dict[str, dict[str, str | float]] = {}


class Workload(Section):
    """A service of the platform: HTTP on `port` with /health, /ready and /metrics."""

    image: Image | None = None
    command: tuple[str, ...] = Field(min_length=1)
    replicas: int = Field(default=1, ge=1)
    port: Port = 8000
    headless: bool = False
    never_twice: bool = False
    calls: tuple[str, ...] = ()
    environment: dict[VariableName, str] = {}
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _once_means_one(self) -> "Workload":
        if self.never_twice and self.replicas > 1:
            raise ValueError("neverTwice and more than one replica contradict each other")
        return self


class CronJob(Section):
    """A service that runs at set times (cron, UTC) and is cut off after `deadline_seconds`."""

    image: Image | None = None
    command: tuple[str, ...] = Field(min_length=1)
    schedule: Schedule
    suspend: bool = False
    deadline_seconds: int = Field(ge=1, le=3600)
    calls: tuple[str, ...] = Field(min_length=1)
    environment: dict[VariableName, str] = {}
    resources: Resources = Resources()


class Images(Section):
    """The images of others that the platform runs."""

    prometheus: Image
    alertmanager: Image
    config_reloader: Image
    grafana: Image


class Settings(Section):
    """All of `vaultmesh:settings`.

    `services_image` is the one image of all workloads; `storage_class` None means the cluster's
    default class.
    """

    environment: DnsLabel
    namespace: DnsLabel
    pod_security_version: Annotated[str, StringConstraints(pattern=r"^v1\.[0-9]+$")]
    cluster: Cluster
    storage_class: DnsLabel | None = None
    services_image: Image
    quota: Quota
    prometheus: Prometheus
    alertmanager: Alertmanager
    grafana: Grafana = Grafana()
    rules: Rules
    workloads: dict[WorkloadName, Workload] = Field(min_length=1)
    cron_jobs: dict[WorkloadName, CronJob] = {}

    @model_validator(mode="after")
    def _names_of_workloads_exist(self) -> "Settings":
        named = {
            f"workloads.{name}.calls": workload.calls for name, workload in self.workloads.items()
        }
        named |= {f"cronJobs.{name}.calls": job.calls for name, job in self.cron_jobs.items()}
        if self.alertmanager.webhook is not None:
            named["alertmanager.webhook.workload"] = (self.alertmanager.webhook.workload,)
        for key, names in named.items():
            for name in names:
                if name not in self.workloads:
                    raise ValueError(f"{key} names {name!r}; there are {', '.join(self.workloads)}")
        return self
