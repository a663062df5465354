"""The settings of Prometheus and Grafana."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from components.values import DomainName, Duration, Gibibytes, Network
from stacks.sections import Resources, Section


class Prometheus(Section):
    """Prometheus: how many replicas, and for how long and on how much disk samples are kept."""

    replicas: int = Field(default=1, ge=1)
    retention: Duration = "30d"
    storage: Gibibytes
    resources: Resources


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
