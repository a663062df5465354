"""Asks the cluster what a stack needs of it, before anything is declared."""

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from components import alertmanager, prometheus
from components.kit import claim_name
from components.namespace import STACK_ANNOTATION
from kubectl import Kubectl, KubectlError, NotFoundError
from problems import Problems, did_you_mean
from stacks.settings.schema import Cluster, Settings

Object = Mapping[str, Any]
"""An object of the Kubernetes API, as JSON."""

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_SETTINGS = "vaultmesh:settings"
_UNITS = {
    **{unit: 1000.0**power for power, unit in enumerate(("", "k", "M", "G", "T", "P", "E"))},
    **{unit: 1024.0**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}


def stack_identity() -> str:
    """The running stack as its namespace's annotation names it: "vaultmesh/staging"."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


def check_cluster(settings: Settings, problems: Problems) -> None:
    """Report what the cluster lacks for these settings; does nothing if it can't be asked.

    Needs permission to get the namespace and to list its volume claims and the StorageClasses.
    """
    kubectl = _kubectl(settings.cluster)
    if kubectl is None:
        return
    name = settings.namespace
    try:
        namespace = _namespace(kubectl, name)
        claims = kubectl.get(f"/api/v1/namespaces/{name}/persistentvolumeclaims")["items"]
        classes = kubectl.get("/apis/storage.k8s.io/v1/storageclasses")["items"]
    except KubectlError as error:
        problems.add(
            f"{_SETTINGS}.cluster",
            0,
            f"the cluster can't be asked: {error}. Make"
            f" `{kubectl.command} get namespaces,storageclasses` work first.",
        )
        return
    if namespace:
        _check_owner(namespace, kubectl, problems)
    known = {found["metadata"]["name"]: found for found in classes}
    _check_storage_class(settings.storage_class, known, problems)
    _check_sizes(settings, claims, known, problems)


def _kubectl(cluster: Cluster) -> Kubectl | None:
    """Kubectl for the cluster; None if it is rendered, and on EKS, whose address is an Output."""
    if cluster.render or not cluster.context:
        return None
    return Kubectl(("--context", cluster.context))


def _namespace(kubectl: Kubectl, name: str) -> Object | None:
    try:
        return kubectl.get(f"/api/v1/namespaces/{name}")
    except NotFoundError:
        return None


def _check_owner(namespace: Object, kubectl: Kubectl, problems: Problems) -> None:
    """Report a namespace of somebody else: `up` would take it over, `destroy` delete it."""
    metadata, place = namespace["metadata"], f"{_SETTINGS}.namespace"
    name, identity = metadata["name"], stack_identity()
    owner = metadata.get("annotations", {}).get(STACK_ANNOTATION)
    if owner != identity:
        whose = f"belongs to the stack {owner}" if owner else "is not marked as this stack's"
        problems.add(
            place,
            0,
            f"the namespace {name} exists and {whose}. Choose another name; or, if this stack may"
            f" change it and `destroy` may delete it, run `{kubectl.command} annotate --overwrite"
            f" namespace {name} {STACK_ANNOTATION}={identity}`.",
        )
    elif "deletionTimestamp" in metadata:
        text = f"the namespace {name} is being deleted. Run the command again when it is gone."
        problems.add(place, 0, text)


def _check_storage_class(name: str | None, known: Mapping[str, Object], problems: Problems) -> None:
    place, listed = f"{_SETTINGS}.storageClass", ", ".join(sorted(known)) or "none"
    if name is not None and name not in known:
        advice = did_you_mean(name, known, "Write one that exists, or create it.")
        text = f"the cluster has no StorageClass `{name}`. It has {listed}. {advice}"
        problems.add(place, 0, text)
    elif name is None and not any(map(_is_default, known.values())):
        text = f"missing, and the cluster has no default StorageClass. It has {listed}. Set one."
        problems.add(place, 0, text)


def _is_default(storage_class: Object) -> bool:
    annotations = storage_class["metadata"].get("annotations", {})
    return annotations.get(DEFAULT_CLASS) == "true"


def _check_sizes(
    settings: Settings, claims: Iterable[Object], known: Mapping[str, Object], problems: Problems
) -> None:
    """Report each volume that is smaller than the settings say.

    A StatefulSet never resizes its volumes, and Prometheus would fill the disk that it counts on.
    """
    wanted = {
        claim_name(server, number): (key, section.storage)
        for key, server, section in (
            ("prometheus", prometheus.NAME, settings.prometheus),
            ("alertmanager", alertmanager.NAME, settings.alertmanager),
        )
        for number in range(section.replicas)
    }
    for claim in claims:
        name, spec = claim["metadata"]["name"], claim["spec"]
        if name not in wanted:
            continue
        key, size = wanted[name]
        existing, used = spec["resources"]["requests"]["storage"], spec.get("storageClassName", "")
        if _bytes(size) <= _bytes(existing):
            continue
        if known.get(used, {}).get("allowVolumeExpansion"):
            advice = 'Grow the claim first: see "Grow a volume" in docs/how-to.md.'
        else:
            advice = f"Write {existing}: the StorageClass {used} has no `allowVolumeExpansion`."
        problems.add(
            f"{_SETTINGS}.{key}.storage",
            0,
            f"{size} is more than the {existing} of the volume claim {name}. {advice}",
        )


def _bytes(quantity: str) -> float:
    """The bytes of a Kubernetes quantity such as 50Gi."""
    number = quantity.rstrip("kKMGTPEi")
    return float(number) * _UNITS[quantity[len(number) :]]
