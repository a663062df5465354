"""The schema of `aws` in the settings: which parts of the platform run in AWS itself."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from components import grafana, prometheus
from components.values import Value, WrongKeysError, matching

MANAGED_PROMETHEUS = "managed-prometheus"
IDENTITY_AGENT = "pod-identity-agent"
TOKEN_SERVICE = "aws-sts"
AWS_DESTINATIONS = frozenset({MANAGED_PROMETHEUS, IDENTITY_AGENT, TOKEN_SERVICE})
"""Every destination in AWS. Pods get the credentials of a role from the agent or the service."""


class ManagedPrometheus(Value):
    """Amazon Managed Prometheus: a long-term copy of the recorded series and the SLOs' inputs.

    Without `workspace`, the ID of another stack's workspace, the stack has one of its own. It keeps
    samples for `retention_days` and takes at most `max_series`, whoever writes them.
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
    retention_days: int = Field(default=395, ge=1, le=1095)
    max_series: int = Field(default=2000, ge=1)

    @model_validator(mode="after")
    def _limits_belong_to_the_owner(self) -> "ManagedPrometheus":
        limits = self.model_fields_set - {"workspace"}
        if self.workspace and limits:
            text = "belongs to the stack that owns the workspace. Remove it here."
            raise WrongKeysError({to_camel(limit): text for limit in limits})
        return self


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
