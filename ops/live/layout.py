"""The folder of a local run: what stands where in it, and where mounts lead."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.live.pods import Pod
from toolchain.files import write_whole


@dataclass(frozen=True)
class Layout:
    """Everything below `root`, which is made anew by `prepare`."""

    root: Path

    @property
    def names(self) -> Path:
        """The stand-in of the cluster's DNS: addresses by name."""
        return self.root / "names.json"

    @property
    def targets(self) -> Path:
        """The target files of discovery, one for each workload."""
        return self.root / "targets"

    @property
    def objects(self) -> Path:
        """What is known of the CronJobs, for whoever stands in for kube-state-metrics."""
        return self.root / "objects.json"

    def config(self, config_map: str) -> Path:
        """Where a ConfigMap is mounted."""
        return self.root / "config" / config_map

    def data(self, pod: str) -> Path:
        """The volume of a pod."""
        return self.root / "data" / pod

    def log(self, name: str) -> Path:
        """The log of a pod or a job."""
        return self.root / "logs" / f"{name}.log"

    def prepare(self, *, keep: bool) -> None:
        """Make the folders; what an earlier run left goes, but with `keep` its data stays."""
        if not keep:
            shutil.rmtree(self.root, ignore_errors=True)
        for folder in (self.targets, self.root / "logs", self.root / "config"):
            folder.mkdir(parents=True, exist_ok=True)

    def folders(self, pod: Pod) -> Mapping[str, Path]:
        """The real folder of each mount path of the pod's main container."""
        volumes = {volume["name"]: volume for volume in pod.workload.pod["spec"]["volumes"]}
        return {
            mount["mountPath"]: self._folder(volumes.get(mount["name"], {}), pod)
            for mount in pod.workload.main_container.get("volumeMounts", [])
        }

    def _folder(self, volume: Mapping[str, Any], pod: Pod) -> Path:
        if "configMap" in volume:
            return self.config(volume["configMap"]["name"])
        return self.data(pod.name)


def mounted(pod: Pod) -> set[str]:
    """The ConfigMaps that a pod mounts."""
    volumes = pod.workload.pod["spec"]["volumes"]
    return {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}


def write(path: Path, text: str) -> bool:
    """Put the text there, whole or not at all; whether it changed anything."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_whole(path, text)
    return True


def write_json(path: Path, content: Any) -> None:
    """Put data there, as JSON."""
    write(path, json.dumps(content, indent=1))
