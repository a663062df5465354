"""Reads the manifests that `pulumi up` has rendered or applied for a stack; never opens Secrets."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from problems import one_line

KINDS = (
    *("ConfigMap", "CronJob", "Deployment", "Namespace", "NetworkPolicy", "PodDisruptionBudget"),
    *("ResourceQuota", "Service", "StatefulSet"),
)
"""The kinds to read. Files are named GROUP_VERSION-KIND-NAMESPACE-NAME.yaml."""
NAME_LABEL = "app.kubernetes.io/name"
DASHBOARD_PREFIX = "dashboard-"
"""Name prefix of the ConfigMaps that hold a dashboard."""

Json = Mapping[str, Any]
ConfigMaps = Mapping[str, Mapping[str, str]]
"""The data of ConfigMaps: {name: {key: text}}."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The faster C loader if PyYAML was built with it."""


class ManifestsError(Exception):
    """Manifests are missing or unreadable; the message, one line, names the file and the remedy."""


@dataclass(frozen=True)
class Workload:
    """A Deployment or a StatefulSet; `pod` is its pod template.

    `claims` maps the name of each claim of a pod to the size of its volume.
    """

    kind: str
    name: str
    replicas: int
    pod: Json
    claims: Mapping[str, str] = field(default_factory=dict)

    @property
    def main_container(self) -> Json:
        """The container that has the workload's name; all others are sidecars."""
        return next(c for c in self.pod["spec"]["containers"] if c["name"] == self.name)

    @property
    def template_hash(self) -> str:
        """A hash of the pod template: ten hex digits."""
        text = json.dumps(self.pod, sort_keys=True).encode()
        return hashlib.sha256(text).hexdigest()[:10]


@dataclass(frozen=True)
class CronJob:
    """A job that runs on a cron schedule in UTC, for at most `deadline_seconds`.

    `replicas` is None because its pods come and go.
    """

    kind: ClassVar[str] = "CronJob"
    replicas: ClassVar[None] = None

    name: str
    schedule: str
    suspend: bool
    deadline_seconds: int
    pod: Json

    @property
    def main_container(self) -> Json:
        """The only container."""
        return self.pod["spec"]["containers"][0]


@dataclass(frozen=True)
class Service:
    """A Service: the DNS name, on `port`, of the pods of the workload `selects`."""

    name: str
    is_headless: bool
    selects: str
    port: int


@dataclass(frozen=True)
class Manifests:
    """The objects of one stack.

    `dashboards` maps names to Grafana's JSON models, `policies` the names of NetworkPolicies to
    their specs.
    """

    namespace: str
    config_maps: ConfigMaps
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]
    cron_jobs: tuple[CronJob, ...]
    dashboards: Mapping[str, Json]
    policies: Mapping[str, Json]
    quotas: Mapping[str, Mapping[str, str]]
    budgets: tuple[str, ...]

    def alert_names(self) -> frozenset[str]:
        """The names of all alerts. Raises ManifestsError."""
        names: set[str] = set()
        for name, texts in self.config_maps.items():
            for key, text in texts.items():
                if key.endswith("_rules.yml"):
                    try:
                        groups = load_yaml(text)["groups"]
                        rules = [rule for group in groups for rule in group["rules"]]
                        names |= {rule["alert"] for rule in rules if "alert" in rule}
                    except (KeyError, TypeError, yaml.YAMLError):
                        raise ManifestsError(
                            f"ConfigMap {name}, {key}: is not a file of rules. Run `make up`."
                        ) from None
        return frozenset(names)


def read_manifests(folder: Path) -> Manifests:
    """Read the manifests below the folder. Raises ManifestsError."""
    return parse_manifests(str(folder), _manifests(folder, KINDS))


def parse_manifests(source: str, manifests: Iterable[tuple[object, Any]]) -> Manifests:
    """Parse (place, manifest) pairs from `source`, of the kinds in KINDS. Raises ManifestsError."""
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    namespaces: list[str] = []
    for place, manifest in manifests:
        try:
            found[manifest["kind"]].append(_READERS[manifest["kind"]](manifest))
            # A stack in a namespace that somebody else made has no Namespace of its own.
            namespaces.append(manifest["metadata"].get("namespace", ""))
        except (KeyError, TypeError, AttributeError, ValueError):
            raise ManifestsError(
                f"{place}: is not the manifest that its name says. Run `make up`."
            ) from None
    namespace = next(filter(None, [*found["Namespace"], *namespaces]), None)
    if not namespace or not found["ConfigMap"]:
        raise ManifestsError(f"{source}: holds no stack. Run `make up` first.")
    config_maps = dict(found["ConfigMap"])
    return Manifests(
        namespace=namespace,
        config_maps=config_maps,
        workloads=tuple(found["Deployment"] + found["StatefulSet"]),
        services=tuple(found["Service"]),
        cron_jobs=tuple(found["CronJob"]),
        dashboards=_dashboards(config_maps),
        policies=dict(found["NetworkPolicy"]),
        quotas=dict(found["ResourceQuota"]),
        budgets=tuple(found["PodDisruptionBudget"]),
    )


def read_config_maps(folder: Path) -> ConfigMaps:
    """Read only the ConfigMaps, for callers that poll for changes. Raises ManifestsError."""
    return dict(_config_map(manifest) for _, manifest in _manifests(folder, ("ConfigMap",)))


def config_maps_changed_at(folder: Path) -> int:
    """When the newest ConfigMap file was written, in Unix nanoseconds; 0 without any."""
    paths = folder.rglob("v1-configmap-*.yaml")
    return max((path.stat().st_mtime_ns for path in paths), default=0)


def _manifests(folder: Path, kinds: tuple[str, ...]) -> Iterator[tuple[Path, Any]]:
    wanted = {kind.lower() for kind in kinds}
    for path in sorted(folder.rglob("*-*-*.yaml")):
        if path.name.split("-")[1] not in wanted:
            continue
        try:
            yield path, load_yaml(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = one_line(str(error))
            raise ManifestsError(f"{path}: can't be read: {reason}. Run `make up`.") from None


def load_yaml(text: str) -> Any:
    """Parse a YAML text, with the C loader if there is one. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - it is a safe loader


def _workload(manifest: Json) -> Workload:
    spec = manifest["spec"]
    name = manifest["metadata"]["name"]
    claims = {
        claim["metadata"]["name"]: claim["spec"]["resources"]["requests"]["storage"]
        for claim in spec.get("volumeClaimTemplates", ())
    }
    return Workload(manifest["kind"], name, int(spec.get("replicas", 1)), spec["template"], claims)


def _cron_job(manifest: Json) -> CronJob:
    spec = manifest["spec"]
    job = spec["jobTemplate"]["spec"]
    return CronJob(
        name=manifest["metadata"]["name"],
        schedule=spec["schedule"],
        suspend=spec["suspend"],
        deadline_seconds=job["activeDeadlineSeconds"],
        pod=job["template"],
    )


def _service(manifest: Json) -> Service:
    spec = manifest["spec"]
    return Service(
        manifest["metadata"]["name"],
        spec.get("clusterIP") == "None",
        spec["selector"][NAME_LABEL],
        int(spec["ports"][0]["port"]),
    )


def _config_map(manifest: Json) -> tuple[str, Mapping[str, str]]:
    return manifest["metadata"]["name"], manifest.get("data") or {}


_READERS = {
    "ConfigMap": _config_map,
    "CronJob": _cron_job,
    "Deployment": _workload,
    "Namespace": lambda manifest: manifest["metadata"]["name"],
    "NetworkPolicy": lambda manifest: (manifest["metadata"]["name"], manifest["spec"]),
    "PodDisruptionBudget": lambda manifest: manifest["metadata"]["name"],
    "ResourceQuota": lambda manifest: (manifest["metadata"]["name"], manifest["spec"]["hard"]),
    "Service": _service,
    "StatefulSet": _workload,
}


def _dashboards(config_maps: ConfigMaps) -> Mapping[str, Json]:
    found = {}
    for name, texts in sorted(config_maps.items()):
        if name.startswith(DASHBOARD_PREFIX):
            for key, text in texts.items():
                try:
                    found[name.removeprefix(DASHBOARD_PREFIX)] = json.loads(text)
                except ValueError:
                    raise ManifestsError(
                        f"ConfigMap {name}, {key}: is not JSON. Run `make up`."
                    ) from None
    return found
