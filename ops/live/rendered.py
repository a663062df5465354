"""What `up` has rendered: the manifests of a stack, as far as a local run needs them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ops.live.problems import LiveError

NAME_LABEL = "app.kubernetes.io/name"
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Workload:
    """A Deployment or a StatefulSet, by its own name; `pod` is its pod template."""

    kind: str
    name: str
    replicas: int
    pod: Json

    @property
    def main(self) -> Json:
        """The container that gives the pod its purpose: the one that carries the name."""
        return next(c for c in self.pod["spec"]["containers"] if c["name"] == self.name)

    @property
    def template_hash(self) -> str:
        """Changes with the pod template, as the one in the names of a Deployment's pods does."""
        text = json.dumps(self.pod, sort_keys=True).encode()
        return hashlib.sha256(text).hexdigest()[:10]


@dataclass(frozen=True)
class Service:
    """A name in the cluster's DNS; a headless one stands for all its pods, others for any."""

    name: str
    is_headless: bool
    selects: str


@dataclass(frozen=True)
class CronJob:
    """A job that runs at set times (cron, UTC) and is cut off after `deadline_seconds`."""

    name: str
    schedule: str
    suspend: bool
    deadline_seconds: int
    main: Json


@dataclass(frozen=True)
class Rendered:
    """One stack; `config_maps` holds the texts of each ConfigMap by key."""

    namespace: str
    config_maps: Mapping[str, Mapping[str, str]]
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]
    cron_jobs: tuple[CronJob, ...]


def load(folder: Path) -> Rendered:
    """Read the manifests of a folder. Raises LiveError if there are none, or one can't be read."""
    found: dict[str, list[Any]] = {}
    for manifest in _manifests(folder):
        found.setdefault(manifest["kind"], []).append(manifest)
    if "ConfigMap" not in found or "Namespace" not in found:
        raise LiveError(f"{folder} holds no stack: run `make up` first")
    return Rendered(
        namespace=found["Namespace"][0]["metadata"]["name"],
        config_maps=_by_name(found["ConfigMap"]),
        workloads=tuple(
            Workload(m["kind"], m["metadata"]["name"], m["spec"]["replicas"], m["spec"]["template"])
            for kind in ("Deployment", "StatefulSet")
            for m in found.get(kind, [])
        ),
        services=tuple(
            Service(
                m["metadata"]["name"],
                m["spec"].get("clusterIP") == "None",
                m["spec"]["selector"][NAME_LABEL],
            )
            for m in found.get("Service", [])
        ),
        cron_jobs=tuple(_cron_job(manifest) for manifest in found.get("CronJob", [])),
    )


def config_maps(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """The ConfigMaps alone, for whoever watches them. Raises LiveError."""
    return _by_name([m for m in _manifests(folder, "v1-configmap-*") if m["kind"] == "ConfigMap"])


def _manifests(folder: Path, pattern: str = "*.yaml") -> Iterator[Any]:
    for path in sorted(folder.glob(pattern)):
        try:
            yield yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise LiveError(f"{path} can't be read: {_one_line(error)}; run `make up`") from None


def _by_name(config_maps: list[Any]) -> Mapping[str, Mapping[str, str]]:
    return {m["metadata"]["name"]: m.get("data") or {} for m in config_maps}


def _cron_job(manifest: Json) -> CronJob:
    spec = manifest["spec"]
    job = spec["jobTemplate"]["spec"]
    return CronJob(
        name=manifest["metadata"]["name"],
        schedule=spec["schedule"],
        suspend=spec["suspend"],
        deadline_seconds=job["activeDeadlineSeconds"],
        main=job["template"]["spec"]["containers"][0],
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
