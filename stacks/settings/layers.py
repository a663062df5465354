"""The two layers of settings: those that all stacks share, and those of one stack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from problems import Problems
from stacks.secrets import PROJECT

SHARED, OWN = "shared", "settings"
"""Configuration keys of the layers, in Pulumi.yaml and in the stack's file."""
ACCOUNT = "account"
"""The configuration key of a stack that is no environment, but prepares an AWS account."""


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The shared settings and those of one stack, as parsed but not validated."""

    shared: Mapping[str, Any]
    own: Mapping[str, Any]
    stack: str

    @property
    def merged(self) -> dict[str, Any]:
        """The effective settings of the stack."""
        return merged(self.shared, self.own)

    @property
    def file(self) -> str:
        """The file of the stack's own settings."""
        return f"Pulumi.{self.stack}.yaml"

    def place(self, path: Sequence[str]) -> str:
        """The key and the file of a merged setting: "vaultmesh:shared.a.b (Pulumi.yaml)"."""
        if not _has_value_at(self.own, path) and _has_value_at(self.shared, path):
            key, file = SHARED, "Pulumi.yaml"
        else:
            key, file = OWN, self.file
        return f"{'.'.join([f'{PROJECT}:{key}', *path])} ({file})"


@dataclass
class LayeredProblems(Problems):
    """Problems whose places name the layer and file of a setting."""

    layers: Layers = field(kw_only=True)

    def add(self, place: str, line: int, text: str) -> None:
        """Add a problem; a place `vaultmesh:settings.KEY` means a key of the merged settings."""
        path = place.removeprefix(f"{PROJECT}:{OWN}.")
        if path != place:
            place = self.layers.place(path.split("."))
        super().add(place, line, text)


def merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the stack's own settings into the shared ones, key by key.

    Mappings merge; a list or scalar of the stack replaces the shared one; null removes it.
    """
    result = dict(shared)
    for key, value in own.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[key] = merged(below, value)
        elif value is None and key in shared:
            del result[key]
        else:
            result[key] = value
    return result


def _has_value_at(layer: Any, path: Sequence[str]) -> bool:
    """Whether the layer has a value at the path, or a scalar or list at a prefix of it."""
    for step in path:
        if not isinstance(layer, Mapping):
            return True
        if step not in layer:
            return False
        layer = layer[step]
    return True
