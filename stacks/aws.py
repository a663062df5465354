"""The AWS parts of one environment, and what the other components get from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import pulumi

from components import alertmanager, grafana, prometheus
from components.aws.place import Place
from dashboards.endpoints import id_placeholder
from stacks.content import WORKSPACE_REGION, WORKSPACE_URL
from stacks.secrets import OUTSIDE_ALARM
from stacks.settings.schema import Settings

Annotations = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class AwsParts:
    """`roles` maps a server to the annotations that give its pods an IAM role.

    `placeholders` maps texts in files to what takes their place; only AWS knows it.
    """

    roles: Mapping[str, Annotations] = field(default_factory=dict)
    placeholders: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)

    def complete(self, files: Mapping[str, str]) -> Mapping[str, pulumi.Input[str]]:
        """The files with what AWS has decided in place of the placeholders."""
        return {name: self._completed(text) for name, text in files.items()}

    def _completed(self, text: str) -> pulumi.Input[str]:
        used = {name: value for name, value in self.placeholders.items() if name in text}
        return pulumi.Output.all(**used).apply(partial(_replace, text)) if used else text


def _replace(text: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def declare_aws(
    settings: Settings, secrets: Mapping[str, pulumi.Output[str]], place: Place | None
) -> AwsParts:
    """Declare the AWS parts that the settings switch on, in `place`.

    Without any, `place` is None, and the result is empty.
    Nothing of it waits for the Kubernetes namespace, which AWS knows by its name alone.
    """
    if settings.aws is None or not settings.cluster.eks or place is None:
        return AwsParts()
    # Imported here because pulumi_aws takes a second, and only these stacks need it.
    from components.aws.dead_mans_switch import DeadMansSwitch, DeadMansSwitchArgs
    from components.aws.health_checks import READING, HealthChecks, HealthChecksArgs
    from components.aws.identity import Statement, WorkloadRole, WorkloadRoleArgs, find_identity
    from components.aws.managed_prometheus import ManagedPrometheus, ManagedPrometheusArgs
    from components.aws.permissions import role_path

    permissions: dict[str, list[Statement]] = {}
    placeholders: dict[str, pulumi.Output[str]] = {}
    if managed := settings.aws.managed_prometheus:
        workspace = ManagedPrometheus(
            ManagedPrometheusArgs(
                workspace=managed.workspace,
                region=managed.region,
                environment=settings.environment,
                retention_days=managed.retention_days,
                max_series=managed.max_series,
                protect=settings.production,
            )
        )
        permissions[prometheus.NAME] = [workspace.writing]
        permissions[grafana.NAME] = [workspace.reading]
        placeholders |= {WORKSPACE_URL: workspace.url, WORKSPACE_REGION: workspace.region}
    if settings.aws.dead_mans_switch:
        switch = DeadMansSwitch(
            DeadMansSwitchArgs(
                place=place,
                environment=settings.environment,
                timeout_seconds=settings.alertmanager.heartbeat.timeout_seconds,
                protocol=settings.aws.alarms_by,
                endpoint=secrets[OUTSIDE_ALARM],
            )
        )
        permissions[alertmanager.NAME] = [switch.publishing]
    if health := settings.aws.health_checks:
        checks = HealthChecks(
            HealthChecksArgs(
                place=place,
                environment=settings.environment,
                endpoints=health.endpoints,
                regions=health.regions,
                protocol=settings.aws.alarms_by,
                endpoint=secrets[OUTSIDE_ALARM],
            )
        )
        permissions.setdefault(grafana.NAME, []).append(READING)
        placeholders |= {id_placeholder(name): found for name, found in checks.ids.items()}
    boundary = settings.aws.permissions_boundary
    identity = find_identity(settings.aws.identity, settings.cluster.eks)
    return AwsParts(
        placeholders=placeholders,
        roles={
            server: WorkloadRole(
                server,
                WorkloadRoleArgs(
                    identity=identity,
                    namespace=settings.namespace,
                    path=role_path(settings.environment),
                    boundary=place.policy(boundary) if boundary else None,
                    has_pods=not settings.cluster.render,
                    statements=statements,
                ),
            ).annotations
            for server, statements in permissions.items()
        },
    )
