"""A made-up cluster: the objects that the program asks for, as its API would serve them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubectl import NotFoundError

DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


def storage_class(name: str, *, expands: bool = False, default: bool = False) -> dict[str, Any]:
    """A StorageClass; as in the API, a switch that is off may be missing."""
    annotations = {"annotations": DEFAULT} if default else {}
    expansion = {"allowVolumeExpansion": True} if expands else {}
    return {"metadata": {"name": name, **annotations}, **expansion}


def volume_claim(name: str, size: str, storage_class: str) -> dict[str, Any]:
    """A PersistentVolumeClaim."""
    requests = {"storage": size}
    spec = {"storageClassName": storage_class, "resources": {"requests": requests}}
    return {"metadata": {"name": name}, "spec": spec}


@dataclass
class FakeCluster:
    """Its StorageClasses, and the namespace of the stack with its volume claims."""

    classes: list[dict[str, Any]] = field(default_factory=lambda: [storage_class("local")])
    namespace: dict[str, Any] | None = None
    claims: list[dict[str, Any]] = field(default_factory=list)

    def read(self, path: str) -> bytes:
        """Answer in place of `Kubectl.read`."""
        found: Mapping[str, Any] | None
        match path.strip("/").split("/"):
            case ["api", "v1", "namespaces", _]:
                found = self.namespace
            case ["api", "v1", "namespaces", _, "persistentvolumeclaims"]:
                found = {"items": self.claims}
            case ["apis", "storage.k8s.io", "v1", "storageclasses"]:
                found = {"items": self.classes}
            case _:
                raise AssertionError(f"the program asks for {path}, which this cluster lacks")
        if found is None:
            raise NotFoundError(path)
        return json.dumps({"kind": "Any", **found}).encode()
