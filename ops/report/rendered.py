"""What the rendered manifests declare. Of a Secret, not even the file is opened."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet", "cronjob": "CronJob"}


class RenderedError(Exception):
    """There are no manifests, or one can't be read; the message says which, on one line."""


@dataclass(frozen=True)
class Declared:
    """Something that runs pods; `replicas` is None for a CronJob, whose pods come and go."""

    name: str
    kind: str
    replicas: int | None


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that is provisioned."""

    uid: str
    title: str


@dataclass(frozen=True)
class Rendered:
    """What one environment's manifests declare."""

    namespace: str
    workloads: tuple[Declared, ...]
    dashboards: tuple[Dashboard, ...]
    alerts: frozenset[str]


def read_rendered(folder: Path) -> Rendered:
    """Read the manifests under `folder`; raises RenderedError."""
    if not folder.is_dir():
        raise RenderedError(f"{folder}: there are no rendered manifests: run `make up`")
    workloads: list[Declared] = []
    dashboards: list[Dashboard] = []
    alerts: set[str] = set()
    namespaces: set[str] = set()
    for path, manifest in _manifests(folder):
        try:
            kind, metadata = manifest["kind"], manifest["metadata"]
            if kind in KINDS.values():
                namespaces.add(metadata.get("namespace", ""))
                replicas = None if kind == "CronJob" else int(manifest["spec"].get("replicas", 1))
                workloads.append(Declared(metadata["name"], kind, replicas))
            elif kind == "ConfigMap":
                data = manifest.get("data") or {}
                dashboards += [
                    Dashboard(str(model.get("uid", "")), str(model.get("title", "")))
                    for model in _models(data)
                ]
                alerts |= set(_alerts(data))
        except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError):
            raise RenderedError(
                f"{path}: is not the manifest that its name says: render it anew"
            ) from None
    if not workloads:
        raise RenderedError(f"{folder}: declares no workload: run `make up`")
    return Rendered(
        namespace=", ".join(sorted(namespaces)),
        workloads=tuple(sorted(workloads, key=lambda workload: workload.name)),
        dashboards=tuple(sorted(dashboards, key=lambda dashboard: dashboard.title)),
        alerts=frozenset(alerts),
    )


def _manifests(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files whose name, GROUP_VERSION-KIND-..., says that they hold what is wanted here."""
    for path in sorted(folder.rglob("*-*.yaml")):
        if path.name.split("-")[1] not in (*KINDS, "configmap"):
            continue
        try:
            manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            raise RenderedError(f"{path}: can't be read as YAML: render it anew") from None
        if not isinstance(manifest, dict):
            raise RenderedError(f"{path}: holds no manifest: render it anew")
        yield path, manifest


def _models(data: dict[str, str]) -> Iterator[dict[str, Any]]:
    for name, text in data.items():
        if name.endswith(".json"):
            model = json.loads(text)
            if isinstance(model, dict) and "panels" in model:
                yield model


def _alerts(data: dict[str, str]) -> Iterator[str]:
    for name, text in data.items():
        if name.endswith("_rules.yml"):
            for group in yaml.safe_load(text)["groups"]:
                yield from (rule["alert"] for rule in group["rules"] if "alert" in rule)
