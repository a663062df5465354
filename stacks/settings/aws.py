"""The schema of `aws` in the settings: which parts of the platform run in AWS itself."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components import grafana, prometheus
from components.values import Value, matching

MANAGED_PROMETHEUS = "managed-prometheus"
IDENTITY_AGENT = "pod-identity-agent"
TOKEN_SERVICE = "aws-sts"
AWS_DESTINATIONS = frozenset({MANAGED_PROMETHEUS, IDENTITY_AGENT, TOKEN_SERVICE})
"""Every destination in AWS. Pods get the credentials of a role from the agent or the service."""


class ManagedPrometheus(Value):
    """Amazon Managed Prometheus: a long-term copy of the recorded series and the SLOs' inputs.

    `workspace` is the ID of an existing workspace; without it, the stack has one of its own, which
    keeps samples for `retention_days`.
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
    retention_days: int = Field(default=150, ge=1, le=1095)


class Aws(Value):
    """The parts that run in AWS. `identity` is how pods get the IAM roles that these parts need."""

    identity: Literal["pod-identity", "irsa"] = "pod-identity"
    managed_prometheus: ManagedPrometheus | None = None

    @property
    def calls(self) -> Iterator[tuple[str, str]]:
        """(server, AWS service) of every call; each of these servers has a role."""
        if self.managed_prometheus:
            yield prometheus.NAME, MANAGED_PROMETHEUS
            yield grafana.NAME, MANAGED_PROMETHEUS
