"""Mounted configuration: stands in for the kubelet, which refreshes it, and for config-reload."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import httpx

from ops.live import layout
from ops.live.layout import Layout
from ops.live.pods import Pod
from ops.live.rewrite import Here, config_map
from ops.manifests import read_config_maps

RELOAD_SECONDS = 30


class Mount:
    """The ConfigMap of one server's pod, and the last reload of the server."""

    def __init__(self, pod: Pod, name: str, here: Here, files: Layout) -> None:
        self._pod, self._name, self._here = pod, name, here
        self.folder = files.config(name)
        self._source: Mapping[str, str] = {}
        self._loaded = b""
        self.failure: str | None = None
        """Why the server refused the configuration that stands in the folder now."""

    def refresh(self, config_maps: Mapping[str, Mapping[str, str]]) -> None:
        """Write the ConfigMap anew if what was rendered has changed."""
        source = config_maps.get(self._name, {})
        if source == self._source:
            return
        for key, text in config_map(self._name, source, self._here).items():
            layout.write(self.folder / key, text)
        for key in self._source.keys() - source.keys():
            (self.folder / key).unlink(missing_ok=True)
        self._source = source

    def assume_loaded(self) -> None:
        """The server starts now, and reads what is there."""
        self._loaded, self.failure = self._digest(), None

    def reload_if_changed(self) -> bool:
        """Have the server reload if any file differs from what it has seen; whether it was asked.

        A server that can't be reached is asked again at the next call.
        """
        digest = self._digest()
        if digest == self._loaded:
            return False
        try:
            answer = httpx.post(
                f"{self._pod.url}/-/reload", timeout=RELOAD_SECONDS, trust_env=False
            )
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


def refresh(mounts: list[Mount], folder: Path) -> None:
    """Bring every mount up to what is rendered. Raises ManifestsError."""
    config_maps = read_config_maps(folder)
    for mount in mounts:
        mount.refresh(config_maps)
