"""What all pods of the platform share: labels, limits and hardening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.placement import OS_LABEL, Placement, affinity, tolerations
from components.values import Resources

NAME_LABEL = "app.kubernetes.io/name"
HTTP = "http"
"""Name of the port that serves a pod's API and /metrics; Services and scrape jobs refer to it."""

EVICTION = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}
"""Lets the cluster autoscaler remove the node of a pod with an emptyDir, which it spares by
default: what pods of this platform write there is only worth keeping while they run."""

USER_ID = 10001
"""User and group of every container; above 10000, so that no user of the node has the same id."""


def selector(name: str) -> dict[str, str]:
    """The labels by which Services, policies and scrape jobs find the pods called `name`."""
    return {NAME_LABEL: name}


def metadata(
    name: str,
    namespace: pulumi.Input[str],
    *,
    annotations: Mapping[str, pulumi.Input[str]] | None = None,
) -> meta.ObjectMetaArgs:
    """Metadata with a literal name, not a generated one, so that people can search for it."""
    return meta.ObjectMetaArgs(
        name=name, namespace=namespace, labels=labels(name), annotations=annotations
    )


def labels(name: str) -> dict[str, str]:
    """The labels of an object called `name`: its selector, and the platform that it belongs to."""
    return {**selector(name), "app.kubernetes.io/part-of": "vaultmesh"}


def container(name: str, image: str, resources: Resources, **details: Any) -> core.ContainerArgs:
    """A container under Pod Security `restricted`, with a read-only root and bounded resources.

    `details` are additional arguments of `core.ContainerArgs`. CPU has no limit, because throttling
    would slow down rule evaluation even on an idle node.
    """
    return core.ContainerArgs(
        name=name,
        image=image,
        resources=core.ResourceRequirementsArgs(
            requests={
                "cpu": resources.cpu,
                "memory": resources.memory,
                "ephemeral-storage": resources.ephemeral_storage,
            },
            limits={
                "memory": resources.memory_limit,
                "ephemeral-storage": resources.ephemeral_storage,
            },
        ),
        security_context=core.SecurityContextArgs(
            allow_privilege_escalation=False,
            capabilities=core.CapabilitiesArgs(drop=["ALL"]),
            read_only_root_filesystem=True,
        ),
        termination_message_policy="FallbackToLogsOnError",
        **details,
    )


def template(
    name: str,
    containers: Sequence[core.ContainerArgs],
    *,
    placement: Placement,
    volumes: Sequence[core.VolumeArgs] = (),
    spread: bool,
    token: bool = False,
    grace_seconds: int = 30,
    restart: str = "Always",
    annotations: Mapping[str, pulumi.Input[str]] | None = None,
) -> core.PodTemplateSpecArgs:
    """A pod that runs under the ServiceAccount `name`, as a user without privileges.

    `spread` asks the scheduler to prefer different zones and nodes for replicas; `token` mounts the
    ServiceAccount's token for the Kubernetes API.
    """
    security = core.PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=USER_ID,
        run_as_group=USER_ID,
        fs_group=USER_ID,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
    )
    spec = core.PodSpecArgs(
        service_account_name=name,
        restart_policy=restart,
        automount_service_account_token=token,
        enable_service_links=False,
        security_context=security,
        termination_grace_period_seconds=grace_seconds,
        containers=list(containers),
        volumes=list(volumes),
        topology_spread_constraints=_constraints(name) if spread else None,
        node_selector={**placement.node_selector, OS_LABEL: "linux"},
        affinity=affinity(placement),
        tolerations=tolerations(placement) or None,
        priority_class_name=placement.priority_class,
        image_pull_secrets=[
            core.LocalObjectReferenceArgs(name=secret) for secret in placement.pull_secrets
        ]
        or None,
    )
    eviction = EVICTION if any(volume.empty_dir for volume in volumes) else {}
    return core.PodTemplateSpecArgs(
        metadata=meta.ObjectMetaArgs(
            labels=labels(name), annotations={**eviction, **(annotations or {})} or None
        ),
        spec=spec,
    )


def _constraints(name: str) -> list[core.TopologySpreadConstraintArgs]:
    return [
        core.TopologySpreadConstraintArgs(
            max_skew=1,
            topology_key=key,
            when_unsatisfiable="ScheduleAnyway",
            label_selector=meta.LabelSelectorArgs(match_labels=selector(name)),
        )
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def variables(plain: Mapping[str, str]) -> list[core.EnvVarArgs]:
    """Environment variables: POD_NAME with the pod's own name, and `plain`; never a secret."""
    return [
        field_variable("POD_NAME", "metadata.name"),
        *(core.EnvVarArgs(name=name, value=text) for name, text in plain.items()),
    ]


def field_variable(name: str, path: str) -> core.EnvVarArgs:
    """An environment variable that holds a field of the pod itself, such as status.podIP."""
    field = core.ObjectFieldSelectorArgs(field_path=path)
    return core.EnvVarArgs(name=name, value_from=core.EnvVarSourceArgs(field_ref=field))


CREDENTIALS = "credentials"
"""The volume that holds a pod's secrets as files. The kubelet refreshes them a minute and a half
after a change at most; no pod restarts."""
PROGRAM_SECRETS = "/etc/credentials"
"""The folder where workloads and cron jobs find their secrets."""


def secret_volume(name: str) -> core.VolumeArgs:
    """The volume CREDENTIALS with the files of the Secret called `name`."""
    return core.VolumeArgs(name=CREDENTIALS, secret=core.SecretVolumeSourceArgs(secret_name=name))


def secret_mount(folder: str) -> core.VolumeMountArgs:
    """Mounts the volume CREDENTIALS at the folder."""
    return core.VolumeMountArgs(name=CREDENTIALS, mount_path=folder, read_only=True)


def http_probe(path: str, *, period_seconds: int = 10, failures: int = 3) -> core.ProbeArgs:
    """A probe of the HTTP port that fails after `period_seconds` x `failures` seconds."""
    return core.ProbeArgs(
        http_get=core.HTTPGetActionArgs(path=path, port=HTTP),
        period_seconds=period_seconds,
        timeout_seconds=5,
        failure_threshold=failures,
    )
