"""The settings of synthetic monitoring: what is asked of the workloads, how often, how long."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from components.values import DnsLabel, Duration, Text
from promql.durations import parse_duration
from stacks.sections import Resources, Section

SHORTEST_INTERVAL, LONGEST_INTERVAL = "30s", "2m"
"""The rules look at the results every 30 s, and judge the last 5 minutes of them."""
MARGIN = "1s"
"""By how much a probe must end before the next: the exporter takes half of it for its answer."""
CREDENTIALS = ("authorization", "cookie", "proxy-authorization")


def _no_credential(name: str) -> str:
    """The name of a header that carries no secret; ValueError otherwise."""
    if name.lower() in CREDENTIALS:
        raise ValueError(f"{name} would stand there in plain text; probe what needs no credential")
    return name


HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$"), AfterValidator(_no_credential)
]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]*[!-~])?$")]
Status = Annotated[int, Field(ge=100, le=599)]


class Expectation(Section):
    """What a good answer is: one of the `statuses`, and, if it is set, this text in its body."""

    statuses: tuple[Status, ...] = Field(default=(200,), min_length=1)
    contains: Text | None = None


class Probe(Section):
    """A request to the Service of a workload; `body` is sent as JSON."""

    workload: DnsLabel
    method: Literal["GET", "POST", "PUT"] = "GET"
    path: Annotated[str, StringConstraints(pattern=r"^/\S*$")]
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    body: dict[str, JsonValue] | None = None
    expect: Expectation = Expectation()

    @model_validator(mode="after")
    def _only_some_methods_have_a_body(self) -> "Probe":
        if (self.body is None) != (self.method == "GET"):
            raise ValueError("a GET has no body, POST and PUT have one: set method and body alike")
        return self


class Synthetics(Section):
    """Each workload's /health is probed without being named here; `probes` come on top.

    An answer that takes longer than `timeout` is none.
    """

    interval: Duration = SHORTEST_INTERVAL
    timeout: Duration = "5s"
    replicas: int = Field(default=1, ge=1)
    probes: dict[DnsLabel, Probe] = Field(default_factory=dict)
    resources: Resources = Resources.model_validate(
        {"cpu": "25m", "memory": "64Mi", "memoryLimit": "128Mi"}
    )

    @property
    def scrape_timeout(self) -> str:
        """How long Prometheus waits for a result: longer than the probe waits for an answer."""
        return f"{parse_duration(self.timeout) + parse_duration(MARGIN)}ms"

    @model_validator(mode="after")
    def _results_are_seen_and_in_time(self) -> "Synthetics":
        shortest, longest = parse_duration(SHORTEST_INTERVAL), parse_duration(LONGEST_INTERVAL)
        if not shortest <= parse_duration(self.interval) <= longest:
            raise ValueError(
                f"interval must be {SHORTEST_INTERVAL} to {LONGEST_INTERVAL}, not {self.interval}: "
                f"the rules look every {SHORTEST_INTERVAL}, at the last 5 minutes"
            )
        if parse_duration(self.timeout) + parse_duration(MARGIN) > parse_duration(self.interval):
            raise ValueError(
                f"timeout {self.timeout} must be {MARGIN} shorter than interval {self.interval}"
            )
        return self


def health_probes(workloads: Iterable[str]) -> dict[str, Probe]:
    """The probes that need not be named in the settings: each workload's /health."""
    return {f"{name}-health": Probe(workload=name, path="/health") for name in workloads}
