"""The folder of a local run, and the configuration mounted from it.

`Mount` does what the kubelet (refreshing ConfigMaps) and the container config-reload do in a
cluster.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ops.live.pods import Pod
from ops.live.rewriting import LocalEnvironment, rewrite_config_map
from ops.manifests import ConfigMaps
from toolchain.base import write_atomically

RELOAD_SECONDS = 30


@dataclass(frozen=True)
class RunFolder:
    """The files of a run below `root`."""

    root: Path

    @property
    def names(self) -> Path:
        """The JSON file that stands in for the cluster's DNS: addresses by name."""
        return self.root / "names.json"

    @property
    def targets(self) -> Path:
        """The folder of file_sd target files, one for each workload, that replace discovery."""
        return self.root / "targets"

    @property
    def object_series(self) -> Path:
        """The file with the metrics of the kube-state-metrics stand-in."""
        return self.root / "objects.json"

    @property
    def logs(self) -> Path:
        """The folder of the logs, one for each pod and job."""
        return self.root / "logs"

    def log(self, name: str) -> Path:
        """The log of a pod or a job."""
        return self.logs / f"{name}.log"

    def config(self, config_map: str) -> Path:
        """The folder of a mounted ConfigMap."""
        return self.root / "config" / config_map

    def prepare(self, *, keep: bool) -> None:
        """Create empty folders; with `keep`, files of an earlier run stay."""
        if not keep:
            shutil.rmtree(self.root, ignore_errors=True)
        for folder in (self.targets, self.logs, self.root / "config"):
            folder.mkdir(parents=True, exist_ok=True)

    def mounted_folders(self, pod: Pod) -> Mapping[str, Path]:
        """The local folder of each mount path of the pod's main container."""
        volumes = {volume["name"]: volume for volume in pod.workload.pod["spec"].get("volumes", ())}
        return {
            mount["mountPath"]: self._folder(volumes.get(mount["name"], {}), pod)
            for mount in pod.workload.main_container.get("volumeMounts", [])
        }

    def _folder(self, volume: Mapping[str, Any], pod: Pod) -> Path:
        if "configMap" in volume:
            return self.config(volume["configMap"]["name"])
        return self.root / "data" / pod.name


class Mount:
    """A ConfigMap mounted by a server, and the outcome of the server's last reload."""

    def __init__(self, pod: Pod, name: str, local: LocalEnvironment, files: RunFolder) -> None:
        self.pod, self._name, self._local = pod, name, local
        self.folder = files.config(name)
        self._source: Mapping[str, str] = {}
        self._loaded = b""
        self.failure: str | None = None
        """Why the server refused the current files; None if it did not."""

    def refresh(self, config_maps: ConfigMaps) -> None:
        """Rewrite the files if the rendered ConfigMap has changed."""
        source = config_maps.get(self._name, {})
        if source == self._source:
            return
        for key, text in rewrite_config_map(self._name, source, self._local).items():
            write_changed(self.folder / key, text)
        for key in self._source.keys() - source.keys():
            (self.folder / key).unlink(missing_ok=True)
        self._source = source

    def mark_loaded(self) -> None:
        """Record the current files as loaded; call it before the server starts."""
        self._loaded, self.failure = self._digest(), None

    def reload_if_changed(self) -> bool:
        """Reload the server if a file has changed. Returns whether the server answered.

        If the server can't be reached, the next call tries again.
        """
        digest = self._digest()
        if digest == self._loaded:
            return False
        try:
            answer = httpx.post(f"{self.pod.url}/-/reload", timeout=RELOAD_SECONDS, trust_env=False)
        except httpx.HTTPError:
            return False
        self._loaded = digest
        self.failure = None if answer.is_success else " ".join(answer.text.split())
        return True

    def _digest(self) -> bytes:
        found = hashlib.sha256()
        for path in sorted(self.folder.iterdir()):
            if path.suffix != ".part":
                found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return found.digest()


def mounted_config_maps(pod: Pod) -> set[str]:
    """The names of the ConfigMaps that a pod mounts."""
    volumes = pod.workload.pod["spec"].get("volumes", ())
    return {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}


def write_changed(path: Path, text: str) -> None:
    """Replace the file atomically, but only if the text differs: servers watch some files."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text)


def write_changed_json(path: Path, content: Any) -> None:
    """Like `write_changed`, for data as JSON."""
    write_changed(path, json.dumps(content, indent=1))
