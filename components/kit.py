"""Parts that components share: Services, Deployments, StatefulSets, reloaded ConfigMaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta
from pulumi_kubernetes.policy import v1 as policy
from pulumi_kubernetes.rbac import v1 as rbac

from components.pods import HTTP, container, labels, metadata, selector
from components.values import Resources

DATA_FOLDER = "/data"
DATA_VOLUME = "data"

RELOADER = "config-reload"
RELOADER_PORT = 8080
RELOADER_PORT_NAME = "reload-http"
RELOADER_RESOURCES = Resources(cpu="10m", memory="32Mi", memory_limit="64Mi")

KEEP_PODS = {"pulumi.com/deletionPropagationPolicy": "orphan"}
"""Makes the provider delete an object without its pods. It reads the annotation from the state."""

Namespace = pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class Server:
    """Pods called `name` that serve HTTP on `port`, and their Service on `service_port`.

    `has_ui` says that people open it in a browser, `has_reloader` that the container RELOADER
    reloads its configuration.
    """

    name: str
    port: int
    service_port: int
    has_ui: bool = False
    has_reloader: bool = False

    def url(self, namespace: str) -> str:
        """The URL of the Service inside the cluster."""
        port = "" if self.service_port == 80 else f":{self.service_port}"
        return f"http://{self.name}.{namespace}.svc{port}"


def service_account(
    name: str,
    namespace: Namespace,
    opts: ResourceOptions,
    *,
    rules: Sequence[rbac.PolicyRuleArgs] = (),
    annotations: Mapping[str, pulumi.Input[str]] | None = None,
) -> None:
    """The ServiceAccount of the pods called `name`; pods get its token only if they ask for it.

    `rules` are its permissions on the Kubernetes API, limited to its own namespace.
    """
    account = core.ServiceAccount(
        name,
        metadata=metadata(name, namespace, annotations=annotations),
        automount_service_account_token=False,
        opts=opts,
    )
    if not rules:
        return
    role = rbac.Role(name, metadata=metadata(name, namespace), rules=list(rules), opts=opts)
    rbac.RoleBinding(
        name,
        metadata=metadata(name, namespace),
        role_ref=rbac.RoleRefArgs(
            api_group="rbac.authorization.k8s.io", kind="Role", name=role.metadata.name
        ),
        subjects=[
            rbac.SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=namespace)
        ],
        opts=opts,
    )


def rolling_out(opts: ResourceOptions, rollout_seconds: int) -> ResourceOptions:
    """The options of an object that `pulumi up` waits for until its pods are ready.

    `pulumi up` gives up after `rollout_seconds`.
    """
    limit = f"{rollout_seconds}s"
    timeouts = pulumi.CustomTimeouts(create=limit, update=limit)
    return ResourceOptions.merge(opts, ResourceOptions(custom_timeouts=timeouts))


def cluster_ip(
    server: Server,
    namespace: Namespace,
    opts: ResourceOptions,
    *,
    rollout_seconds: int,
    affinity: str | None = None,
) -> pulumi.Output[str]:
    """A Service with one address for all pods of the server; returns its URL in the cluster.

    With `affinity` "ClientIP", it sends all connections from one address to the same pod.
    """
    service = core.Service(
        server.name,
        metadata=metadata(server.name, namespace),
        spec=core.ServiceSpecArgs(
            type="ClusterIP",
            session_affinity=affinity,
            selector=selector(server.name),
            ports=[core.ServicePortArgs(name=HTTP, port=server.service_port, target_port=HTTP)],
        ),
        opts=rolling_out(opts, rollout_seconds),
    )
    return service.metadata.namespace.apply(server.url)


def headless_service(server: Server, namespace: Namespace, opts: ResourceOptions) -> None:
    """A headless Service: peers find each pod by its own DNS name, even before it is ready."""
    name = headless_name(server.name)
    core.Service(
        name,
        metadata=meta.ObjectMetaArgs(name=name, namespace=namespace, labels=labels(server.name)),
        spec=core.ServiceSpecArgs(
            type="ClusterIP",
            cluster_ip="None",
            publish_not_ready_addresses=True,
            selector=selector(server.name),
            ports=[core.ServicePortArgs(name=HTTP, port=server.port, target_port=HTTP)],
        ),
        opts=opts,
    )


def headless_name(name: str) -> str:
    """The name of the headless Service of the pods called `name`."""
    return f"{name}-headless"


def claim_name(name: str, number: int) -> str:
    """The name of the volume claim of a pod, counted from 0, of the StatefulSet called `name`."""
    return f"{DATA_VOLUME}-{name}-{number}"


def deployment(
    name: str,
    namespace: Namespace,
    template: core.PodTemplateSpecArgs,
    opts: ResourceOptions,
    *,
    rollout_seconds: int,
    replicas: int = 1,
    strategy: apps.DeploymentStrategyArgs | None = None,
) -> None:
    """A Deployment, with a disruption budget if it has several replicas."""
    if replicas > 1:
        _disruption_budget(name, namespace, opts)
    apps.Deployment(
        name,
        metadata=metadata(name, namespace),
        spec=apps.DeploymentSpecArgs(
            replicas=replicas,
            selector=meta.LabelSelectorArgs(match_labels=selector(name)),
            strategy=strategy,
            progress_deadline_seconds=rollout_seconds,
            template=template,
        ),
        opts=rolling_out(opts, rollout_seconds),
    )


def served_deployment(
    server: Server,
    namespace: Namespace,
    template: core.PodTemplateSpecArgs,
    opts: ResourceOptions,
    *,
    rollout_seconds: int,
    replicas: int = 1,
    strategy: apps.DeploymentStrategyArgs | None = None,
) -> pulumi.Output[str]:
    """A Deployment with a Service in front of it; returns the URL in the cluster."""
    deployment(
        server.name,
        namespace,
        template,
        opts,
        rollout_seconds=rollout_seconds,
        replicas=replicas,
        strategy=strategy,
    )
    return cluster_ip(server, namespace, opts, rollout_seconds=rollout_seconds)


def served_stateful_set(
    server: Server,
    namespace: Namespace,
    template: core.PodTemplateSpecArgs,
    opts: ResourceOptions,
    *,
    rollout_seconds: int,
    replicas: int,
    storage: str,
    storage_class: str | None,
    protect: bool,
) -> pulumi.Output[str]:
    """A StatefulSet with its Services; returns the URL in the cluster.

    Each pod has a stable name and a volume of size `storage`, mounted by `data_mount`.
    `storage_class` None means the cluster's default class. Volumes and pods survive a replacement
    of the StatefulSet, which takes both over; `pulumi destroy` removes them with their namespace.
    With `protect`, the engine refuses to replace or delete the StatefulSet.
    """
    name = server.name
    headless_service(server, namespace, opts)
    if replicas > 1:
        _disruption_budget(name, namespace, opts)
    claim = core.PersistentVolumeClaimArgs(
        metadata=meta.ObjectMetaArgs(name=DATA_VOLUME),
        spec=core.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            storage_class_name=storage_class,
            resources=core.VolumeResourceRequirementsArgs(requests={"storage": storage}),
        ),
    )
    apps.StatefulSet(
        name,
        metadata=metadata(name, namespace, annotations=KEEP_PODS),
        spec=apps.StatefulSetSpecArgs(
            replicas=replicas,
            # A literal, not the Service's output: the engine waits until a Service has pods, and
            # these pods would wait for the Service.
            service_name=headless_name(name),
            pod_management_policy="Parallel",
            selector=meta.LabelSelectorArgs(match_labels=selector(name)),
            template=template,
            volume_claim_templates=[claim],
            persistent_volume_claim_retention_policy=(
                apps.StatefulSetPersistentVolumeClaimRetentionPolicyArgs(
                    when_deleted="Retain", when_scaled="Retain"
                )
            ),
        ),
        opts=ResourceOptions.merge(
            rolling_out(opts, rollout_seconds), ResourceOptions(protect=protect)
        ),
    )
    # Each pod has data of its own: a page that asked them in turn would show values that jump.
    return cluster_ip(server, namespace, opts, rollout_seconds=rollout_seconds, affinity="ClientIP")


def _disruption_budget(name: str, namespace: Namespace, opts: ResourceOptions) -> None:
    """A budget that lets a node drain evict one pod called `name` at a time."""
    policy.PodDisruptionBudget(
        name,
        metadata=metadata(name, namespace),
        spec=policy.PodDisruptionBudgetSpecArgs(
            max_unavailable=1,
            # A crashing replica must not block the drain of its node.
            unhealthy_pod_eviction_policy="AlwaysAllow",
            selector=meta.LabelSelectorArgs(match_labels=selector(name)),
        ),
        opts=opts,
    )


def data_mount() -> core.VolumeMountArgs:
    """The mount of a StatefulSet's own volume."""
    return core.VolumeMountArgs(name=DATA_VOLUME, mount_path=DATA_FOLDER)


@dataclass(frozen=True, kw_only=True)
class ReloadedConfig:
    """What a pod needs to mount a ConfigMap; the container `reloader` reloads the server."""

    volume: core.VolumeArgs
    mount: core.VolumeMountArgs
    reloader: core.ContainerArgs


def reloaded_config(
    server: Server,
    namespace: Namespace,
    files: Mapping[str, pulumi.Input[str]],
    opts: ResourceOptions,
    *,
    folder: str,
    reloader_image: str,
) -> ReloadedConfig:
    """A ConfigMap of `files`, mounted at `folder`; the server reloads it after each change.

    The reloader posts to /-/reload on the server's port. Its image, prometheus-config-reloader,
    watches the symbolic link that Kubernetes moves to update a mounted ConfigMap.
    """
    config_map = core.ConfigMap(
        server.name, metadata=metadata(server.name, namespace), data=dict(files), opts=opts
    )
    mount = core.VolumeMountArgs(name="config", mount_path=folder, read_only=True)
    reloader = container(
        RELOADER,
        reloader_image,
        RELOADER_RESOURCES,
        args=[
            f"--reload-url=http://127.0.0.1:{server.port}/-/reload",
            f"--watched-dir={folder}",
            f"--listen-address=:{RELOADER_PORT}",
        ],
        ports=[core.ContainerPortArgs(name=RELOADER_PORT_NAME, container_port=RELOADER_PORT)],
        volume_mounts=[mount],
        liveness_probe=core.ProbeArgs(
            http_get=core.HTTPGetActionArgs(path="/healthz", port=RELOADER_PORT_NAME),
            period_seconds=30,
            timeout_seconds=5,
        ),
    )
    volume = core.VolumeArgs(
        name="config",
        # The ConfigMap's output, so that pods roll only after it has been updated.
        config_map=core.ConfigMapVolumeSourceArgs(name=config_map.metadata.name),
    )
    return ReloadedConfig(volume=volume, mount=mount, reloader=reloader)
