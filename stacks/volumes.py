"""Asks whether the cluster's volumes are those that the settings describe."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components import alertmanager, prometheus
from components.kit import claim_name
from components.storage_class import CSI_DRIVER
from problems import Problems, did_you_mean
from quantities import amount
from stacks.settings.schema import Settings

Object = Mapping[str, Any]
"""An object of the Kubernetes API, as JSON."""

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_SETTINGS = "vaultmesh:settings"
_RECIPE = 'see "Grow a volume" in docs/how-to.md'


@dataclass(frozen=True, kw_only=True)
class Volumes:
    """What a cluster has: StorageClasses, drivers, and the namespace's claims and StatefulSets."""

    classes: Iterable[Object]
    drivers: Iterable[Object]
    claims: Iterable[Object]
    stateful_sets: Iterable[Object]


def check_volumes(settings: Settings, volumes: Volumes, problems: Problems) -> None:
    """Report each difference between the volumes and the settings that `up` can't change."""
    before, known = len(problems), {_name(found): found for found in volumes.classes}
    if settings.ebs_volumes:
        _check_driver(settings.ebs_volumes.driver, map(_name, volumes.drivers), problems)
    else:
        _check_storage_class(settings, known, problems)
    claims = {_name(claim): claim for claim in volumes.claims}
    for claim, key, size in _wanted_claims(settings):
        if claim in claims:
            _check_size(claims[claim], f"{key}.storage", size, known, problems)
    # The step after claims have grown, which preview can't show, and `up` makes.
    if len(problems) == before and pulumi.runtime.is_dry_run():
        templates = {_name(found): found["spec"] for found in volumes.stateful_sets}
        for server, key, size in _sizes(settings):
            for template in templates.get(server, {}).get("volumeClaimTemplates", ()):
                _check_template(server, template["spec"], key, size, settings, problems)


def _name(found: Object) -> str:
    return found["metadata"]["name"]


def _sizes(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(StatefulSet, settings key, size of each volume)."""
    yield prometheus.NAME, "prometheus", settings.prometheus.storage
    yield alertmanager.NAME, "alertmanager", settings.alertmanager.storage


def _wanted_claims(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(claim, settings key, size) of each replica."""
    replicas = {
        "prometheus": settings.prometheus.replicas,
        "alertmanager": settings.alertmanager.replicas,
    }
    for server, key, size in _sizes(settings):
        for number in range(replicas[key]):
            yield claim_name(server, number), key, size


def _check_driver(driver: str, known: Iterable[str], problems: Problems) -> None:
    """Report a missing driver, without which a volume claim waits for ever.

    Only for the driver that people install: the one of EKS Auto Mode comes with the cluster.
    """
    if driver == CSI_DRIVER and driver not in known:
        text = f"the cluster has no CSI driver {driver}. Install the EKS add-on aws-ebs-csi-driver."
        problems.add(f"{_SETTINGS}.ebsVolumes", 0, text)


def _check_storage_class(
    settings: Settings, known: Mapping[str, Object], problems: Problems
) -> None:
    """Report a class that is missing, or that would lose or confine production's data."""
    name, place = settings.storage_class, f"{_SETTINGS}.storageClass"
    listed = ", ".join(sorted(known)) or "none"
    defaults = [key for key, found in known.items() if _is_default(found)]
    if name is not None and name not in known:
        advice = did_you_mean(name, known, "Write one that exists, or create it.")
        text = f"the cluster has no StorageClass `{name}`. It has {listed}. {advice}"
        problems.add(place, 0, text)
    elif name is None and not defaults:
        text = f"missing, and the cluster has no default StorageClass. It has {listed}. Set one."
        problems.add(place, 0, text)
    elif settings.production:
        used = name or defaults[0]
        # The API's own default is Delete.
        if known[used].get("reclaimPolicy", "Delete") != "Retain":
            _report_unfit(place, used, "deletes a volume with its claim", problems)
        if not known[used].get("allowVolumeExpansion"):
            _report_unfit(place, used, "has volumes that can't grow", problems)


def _report_unfit(place: str, used: str, flaw: str, problems: Problems) -> None:
    problems.add(
        place,
        0,
        f"the StorageClass {used} {flaw}, and the stack is production. Name a class with"
        " `reclaimPolicy: Retain` and `allowVolumeExpansion: true`, or write `ebsVolumes` instead.",
    )


def _is_default(storage_class: Object) -> bool:
    annotations = storage_class["metadata"].get("annotations", {})
    return annotations.get(DEFAULT_CLASS) == "true"


def _check_size(
    claim: Object, key: str, size: str, known: Mapping[str, Object], problems: Problems
) -> None:
    """Report a volume that is smaller than the settings say.

    A StatefulSet never resizes its volumes, and Prometheus would fill the disk that it counts on.
    """
    name, spec = _name(claim), claim["spec"]
    asked, used = spec["resources"]["requests"]["storage"], spec.get("storageClassName", "")
    # A claim without a volume has no capacity yet.
    there = claim.get("status", {}).get("capacity", {}).get("storage", asked)
    if amount(size) > amount(asked):
        if known.get(used, {}).get("allowVolumeExpansion"):
            advice = f"Grow the claim first: {_RECIPE}."
        else:
            advice = f"Write {asked}: the StorageClass {used} has no `allowVolumeExpansion`."
        text = f"{size} is more than the {asked} of the volume claim {name}. {advice}"
    elif amount(size) > amount(there):
        text = (
            f"the volume of the claim {name} has {there} and has not grown to {asked} yet. Wait,"
            f" or write {there}. `kubectl describe pvc {name}` says what it waits for."
        )
    else:
        return
    problems.add(f"{_SETTINGS}.{key}", 0, text)


def _check_template(
    server: str, spec: Object, key: str, size: str, settings: Settings, problems: Problems
) -> None:
    """Report a StatefulSet that must be replaced, which preview can't do with an existing one.

    `spec` is that of the claims that it makes.
    """
    there, used = spec["resources"]["requests"]["storage"], spec.get("storageClassName")
    if amount(there) != amount(size):
        place, what = f"{key}.storage", f"is for volumes of {there}"
    elif used != settings.volume_class:
        place, what = "storageClass", f"is for volumes of the StorageClass {used}"
    else:
        return
    problems.add(
        f"{_SETTINGS}.{place}",
        0,
        f"the StatefulSet {server} {what}, and Kubernetes can't change that. Let `up` replace it,"
        f" which keeps its pods and volumes: {_RECIPE}.",
    )
