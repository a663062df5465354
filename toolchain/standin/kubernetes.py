"""The Kubernetes provider's render mode: writes manifests to files, never contacts a cluster."""

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import grpc
import yaml
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime import proto

from toolchain.base import write_atomically
from toolchain.standin.properties import dump, has_unknown, load, plain, secret
from toolchain.standin.provider import StandIn

CRD_FOLDER, MANIFEST_FOLDER = "0-crd", "1-manifest"
AUTONAMED = "pulumi.com/autonamed"
CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
    "StorageClass",
}
SELECTOR = ("spec", "selector")
IMMUTABLE: dict[str, list[tuple[str, ...]]] = {
    "DaemonSet": [SELECTOR],
    "Deployment": [SELECTOR],
    "Job": [SELECTOR, ("spec", "completions"), ("spec", "parallelism"), ("spec", "template")],
    "PersistentVolumeClaim": [
        SELECTOR,
        ("spec", "accessModes"),
        ("spec", "storageClassName"),
        ("spec", "volumeName"),
    ],
    "ClusterRoleBinding": [("roleRef",)],
    "RoleBinding": [("roleRef",)],
    "ResourceQuota": [("spec", "scopes")],
    "Secret": [("type",)],
    "Service": [("spec", "clusterIP")],
    "StatefulSet": [
        SELECTOR,
        ("spec", "podManagementPolicy"),
        ("spec", "revisionHistoryLimit"),
        ("spec", "serviceName"),
        ("spec", "volumeClaimTemplates"),
    ],
    "StorageClass": [("parameters",), ("provisioner",)],
}
"""Properties by kind: if one changes, the official provider replaces the object."""


class KubernetesStandIn(StandIn):
    """Previews resources, writes manifests to `renderYamlToDirectory`, refuses to use a cluster."""

    package = "kubernetes"
    does = "it renders manifests and reaches no cluster"

    def config_replaces(self, changed: list[str]) -> list[str]:
        return [key for key in changed if key == "renderYamlToDirectory"]

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        _, version, kind = request.type.split(":")
        if kind.endswith(("List", "Patch")) or version.startswith("helm.sh"):
            self.refuse(context, f"can't render {kind}: it renders single whole objects only")
        inputs, old = load(request.news), plain(load(request.olds))
        inputs.setdefault("apiVersion", version.removeprefix("core/"))
        inputs.setdefault("kind", kind)
        self._name(inputs.setdefault("metadata", {}), old.get("metadata", {}), request)
        if self.config.get("namespace") and kind not in CLUSTER_WIDE:
            inputs["metadata"].setdefault("namespace", self.config["namespace"])
        if (inputs["apiVersion"], inputs["kind"]) == ("v1", "Secret"):
            _encode_secret(inputs)
        return proto.CheckResponse(inputs=dump(inputs))

    def _name(self, metadata: dict[str, Any], old: dict[str, Any], request: Any) -> None:
        if metadata.get("name"):
            return
        was_given = old.get("annotations", {}).get(AUTONAMED) == "true"
        suffix = hashlib.sha256(request.randomSeed).hexdigest()[:8]
        metadata["name"] = old["name"] if was_given else f"{request.name}-{suffix}"
        metadata.setdefault("annotations", {})[AUTONAMED] = "true"

    def replaces(self, new: dict[str, Any], path: tuple[str | int, ...]) -> bool:
        kind, fixed = new["kind"], [("metadata", "name"), ("metadata", "namespace")]
        fixed += IMMUTABLE.get(kind, [])
        if kind in ("ConfigMap", "Secret") and (new.get("immutable") or not self._mutable(kind)):
            fixed += [("data",), ("binaryData",), ("stringData",)]
        return any(path[: len(steps)] == steps for steps in fixed)

    def _mutable(self, kind: str) -> bool:
        fallback = os.environ.get(f"PULUMI_K8S_ENABLE_{kind.upper()}_MUTABLE", "")
        return self.config.get(f"enable{kind}Mutable", fallback) == "true"

    def same_place(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        before, after = old.get("metadata", {}), new["metadata"]
        given = after.get("annotations", {}).get(AUTONAMED) == "true"
        return not given and all(before.get(key) == after.get(key) for key in ("name", "namespace"))

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.preview:
            return proto.CreateResponse(properties=request.properties)
        manifest = plain(load(request.properties))
        write_manifest(self._folder(context), manifest)
        metadata = manifest["metadata"]
        identity = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
        return proto.CreateResponse(id=identity, properties=request.properties)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not request.preview:
            write_manifest(self._folder(context), plain(load(request.news)))
        return proto.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        manifest = plain(load(request.properties))
        file_for(self._folder(context), manifest).unlink(missing_ok=True)
        return Empty()

    def _folder(self, context: grpc.ServicerContext) -> Path:
        if not self.config.get("renderYamlToDirectory"):
            self.refuse(context, "reaches no cluster and changes nothing in one")
        return Path(self.config["renderYamlToDirectory"])


def _encode_secret(inputs: dict[str, Any]) -> None:
    """Turn `stringData` into base64 `data`, as an API server does, and mark both as secret."""
    texts = plain(inputs.get("stringData", {}))
    if texts and not has_unknown(texts):
        data = plain(inputs.get("data", {}))
        data |= {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        inputs["data"] = data
        del inputs["stringData"]
    for key in ("data", "stringData"):
        if key in inputs:
            inputs[key] = secret(inputs[key])


def file_for(folder: Path, manifest: dict[str, Any]) -> Path:
    """The official provider's path for the manifest; cluster-wide objects are in `default`."""
    metadata = manifest["metadata"]
    version = re.sub("[/:]", "_", manifest["apiVersion"])
    namespace = metadata.get("namespace") or "default"
    name = f"{version}-{manifest['kind'].lower()}-{namespace}-{metadata['name']}.yaml"
    crd = manifest["kind"] == "CustomResourceDefinition"
    return folder / (CRD_FOLDER if crd else MANIFEST_FOLDER) / name


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest to its file, readable only by the owner."""
    for part in (CRD_FOLDER, MANIFEST_FOLDER):
        (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    path = file_for(folder, manifest)
    write_atomically(path, to_yaml(manifest), mode=0o600)


def to_yaml(manifest: dict[str, Any]) -> str:
    """Serialise the manifest so that YAML 1.1 and 1.2 readers get the same values."""
    return yaml.dump(manifest, Dumper=_Dumper, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if not re.sub(r"[\n\t]", "", value).isprintable():
        # In other styles, PyYAML writes line breaks such as U+0085 unescaped and reads them as
        # spaces.
        style = '"'
    elif "\n" in value:
        style = "|"
    elif re.match(r"[-+.\d]", value):
        # PyYAML leaves `12e4` unquoted, which YAML 1.2 readers parse as a number.
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _text)
