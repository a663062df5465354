"""The AWS parts of one environment, and what the other components get from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components import grafana, prometheus
from stacks.settings.schema import Settings

Annotations = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class AwsParts:
    """`roles` maps a server to the annotations that give its pods an IAM role."""

    roles: Mapping[str, Annotations] = field(default_factory=dict)


def declare_aws(settings: Settings, namespace: pulumi.Input[str]) -> AwsParts:
    """Declare the AWS parts that the settings switch on; all of it is empty if there are none."""
    if settings.aws is None or not settings.cluster.eks:
        return AwsParts()
    # Imported here because pulumi_aws takes a second, and only these stacks need it.
    from components.aws.identity import Statement, WorkloadRole, WorkloadRoleArgs, find_identity
    from components.aws.managed_prometheus import ManagedPrometheus, ManagedPrometheusArgs

    permissions: dict[str, list[Statement]] = {}
    if managed := settings.aws.managed_prometheus:
        workspace = ManagedPrometheus(
            ManagedPrometheusArgs(
                workspace=managed.workspace,
                environment=settings.environment,
                retention_days=managed.retention_days,
                max_series=10_000,
            )
        )
        permissions[prometheus.NAME] = [workspace.writing]
        permissions[grafana.NAME] = [workspace.reading]
    identity = find_identity(settings.aws.identity, settings.cluster.eks)
    return AwsParts(
        roles={
            server: WorkloadRole(
                server,
                WorkloadRoleArgs(
                    identity=identity,
                    namespace=namespace,
                    path=f"/vaultmesh/{settings.environment}/",
                    statements=statements,
                ),
            ).annotations
            for server, statements in permissions.items()
        }
    )
