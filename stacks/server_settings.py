"""The settings of Prometheus, Alertmanager and Grafana."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from stacks.fields import DnsLabel, DomainName, Duration, Gibibytes, Network
from stacks.sections import Resources, Section


class Prometheus(Section):
    """Prometheus: how many replicas, and for how long and on how much disk samples are kept."""

    replicas: int = Field(default=1, ge=1)
    retention: Duration = "30d"
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
