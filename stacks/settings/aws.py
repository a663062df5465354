"""The schema of `aws` in the settings: which parts of the platform run in AWS itself."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from components import alertmanager, grafana, prometheus
from components.urls import HttpsUrl
from components.values import DnsLabel, Region, Value, WrongKeysError, matching
from problems import did_you_mean

MANAGED_PROMETHEUS = "managed-prometheus"
IDENTITY_AGENT = "pod-identity-agent"
TOKEN_SERVICE = "aws-sts"
HEARTBEAT_TOPIC = "sns"
CLOUDWATCH = "cloudwatch"
AWS_DESTINATIONS = frozenset(
    {MANAGED_PROMETHEUS, IDENTITY_AGENT, TOKEN_SERVICE, HEARTBEAT_TOPIC, CLOUDWATCH}
)
"""Every destination in AWS. Pods get the credentials of a role from the agent or the service."""
CHECKER_REGIONS = (
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
)
FEWEST_REGIONS = 3
"""Where Route 53 has checkers, and how many it wants: HealthCheckRegion, HealthCheckRegionList in
the model of its API."""


PolicyName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9+=,.@_-]{1,128}",
        "the name of an IAM policy, without a path",
        "vaultmesh-workloads",
    ),
]


class ManagedPrometheus(Value):
    """Amazon Managed Prometheus: a long-term copy of the recorded series and the SLOs' inputs.

    Without `workspace`, the ID of another stack's workspace, the stack has one of its own. `region`
    is that of the other's, if it is not the stack's. An own one keeps samples for `retention_days`
    and takes at most `max_series`, whoever writes them.
    """

    workspace: (
        Annotated[
            str,
            matching(
                r"ws-[0-9a-f-]{36}",
                "the ID of a workspace",
                "ws-00000000-0000-0000-0000-000000000000",
            ),
        ]
        | None
    ) = None
    region: Region | None = None
    retention_days: int = Field(default=395, ge=1, le=1095)
    max_series: int = Field(default=2000, ge=1)

    @model_validator(mode="after")
    def _limits_belong_to_the_owner(self) -> "ManagedPrometheus":
        if self.region and not self.workspace:
            text = "belongs to `workspace`, the ID of another stack's. Set it, or remove this."
            raise WrongKeysError({"region": text})
        limits = self.model_fields_set - {"workspace", "region"}
        if self.workspace and limits:
            text = "belongs to the stack that owns the workspace. Remove it here."
            raise WrongKeysError({to_camel(limit): text for limit in limits})
        return self


class HealthChecks(Value):
    """Probes of public addresses, from Route 53's checkers in `regions`; `endpoints` by name."""

    endpoints: dict[DnsLabel, HttpsUrl] = Field(min_length=1)
    regions: tuple[str, ...] = ("us-east-1", "eu-west-1", "ap-southeast-1")

    @model_validator(mode="after")
    def _regions_exist(self) -> "HealthChecks":
        known = f"Write {FEWEST_REGIONS} or more of {', '.join(CHECKER_REGIONS)}."
        for number, region in enumerate(self.regions):
            if region not in CHECKER_REGIONS:
                advice = did_you_mean(region, CHECKER_REGIONS, known)
                raise WrongKeysError(
                    {f"regions.{number}": f"Route 53 has no checkers in `{region}`. {advice}"}
                )
        if len({*self.regions}) < FEWEST_REGIONS:
            raise WrongKeysError({"regions": f"Route 53 asks for more regions. {known}"})
        return self


class Aws(Value):
    """The parts that run in AWS. `identity` is how pods get the IAM roles that these parts need.

    `permissions_boundary` is the name of the IAM policy that limits these roles. With
    `dead_mans_switch`, CloudWatch raises an alarm when the heartbeat stops. It notifies the secret
    outsideAlarmEndpoint, which is an address of the kind `alarms_by`.
    """

    identity: Literal["pod-identity", "irsa"] = "pod-identity"
    permissions_boundary: PolicyName | None = None
    managed_prometheus: ManagedPrometheus | None = None
    alarms_by: Literal["email", "https"] = "email"
    dead_mans_switch: bool = False
    health_checks: HealthChecks | None = None

    @property
    def raises_alarms(self) -> bool:
        """Whether alarms of CloudWatch have to reach somebody."""
        return self.dead_mans_switch or self.health_checks is not None

    @property
    def calls(self) -> Iterator[tuple[str, str]]:
        """(server, AWS service) of every call; each of these servers has a role."""
        if self.managed_prometheus:
            yield prometheus.NAME, MANAGED_PROMETHEUS
            yield grafana.NAME, MANAGED_PROMETHEUS
        if self.dead_mans_switch:
            yield alertmanager.NAME, HEARTBEAT_TOPIC
        if self.health_checks:
            yield grafana.NAME, CLOUDWATCH
