"""The StatefulSet shape that Prometheus and Alertmanager share: a disk and a stable name each."""

import pulumi
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.pods import HTTP, disruption_budget, metadata, selector
from components.services import headless, headless_name

DATA_FOLDER = "/data"
ROLLOUT_LIMIT = pulumi.CustomTimeouts(create="40m", update="40m")
"""How long `up` waits for the pods: longer than the longest start that a startup probe allows."""
DATA_MOUNT = core.VolumeMountArgs(name="data", mount_path=DATA_FOLDER)


def stateful_set(
    name: str,
    namespace: pulumi.Input[str],
    *,
    port: int,
    replicas: int,
    storage: str,
    storage_class: str | None,
    template: core.PodTemplateSpecArgs,
    opts: pulumi.ResourceOptions,
) -> apps.StatefulSet:
    """A StatefulSet whose pods mount a volume of `storage` at DATA_FOLDER, and what it stands on.

    Each pod has a stable name, at which it serves HTTP on `port`; replicas have a disruption
    budget. `storage_class` None means the cluster's default class. The volumes outlive a
    StatefulSet that must be replaced; `destroy` removes them with their namespace.
    """
    headless(name, namespace, {HTTP: port}, opts)
    if replicas > 1:
        disruption_budget(name, namespace, opts)
    claim = core.PersistentVolumeClaimArgs(
        metadata=meta.ObjectMetaArgs(name="data"),
        spec=core.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            storage_class_name=storage_class,
            resources=core.VolumeResourceRequirementsArgs(requests={"storage": storage}),
        ),
    )
    return apps.StatefulSet(
        name,
        metadata=metadata(name, namespace),
        spec=apps.StatefulSetSpecArgs(
            replicas=replicas,
            # Literal, not the Service's output: the engine holds a Service to be complete once
            # pods stand behind it, and these pods would wait for the Service.
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
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(custom_timeouts=ROLLOUT_LIMIT)
        ),
    )
