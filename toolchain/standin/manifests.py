"""Writes a manifest to the file that the official provider's render mode would write."""

import re
from pathlib import Path
from typing import Any

import yaml

from toolchain.files import write_whole

CRD_FOLDER, MANIFEST_FOLDER = "0-crd", "1-manifest"


def file_for(folder: Path, manifest: dict[str, Any]) -> Path:
    """The official provider's path for the manifest; it files cluster-wide objects in `default`."""
    metadata = manifest["metadata"]
    version = re.sub("[/:]", "_", manifest["apiVersion"])
    namespace = metadata.get("namespace") or "default"
    name = f"{version}-{manifest['kind'].lower()}-{namespace}-{metadata['name']}.yaml"
    crd = manifest["kind"] == "CustomResourceDefinition"
    return folder / (CRD_FOLDER if crd else MANIFEST_FOLDER) / name


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest to its file, which only its owner can read."""
    for part in (CRD_FOLDER, MANIFEST_FOLDER):
        (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    path = file_for(folder, manifest)
    write_whole(path, to_yaml(manifest), mode=0o600)


def to_yaml(manifest: dict[str, Any]) -> str:
    """The manifest as YAML that every reader, of version 1.1 or 1.2, reads back equal."""
    return yaml.dump(manifest, Dumper=_Dumper, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if not re.sub(r"[\n\t]", "", value).isprintable():
        # PyYAML writes a line break such as U+0085 unescaped in other styles, and reads a space.
        style = '"'
    elif "\n" in value:
        style = "|"
    elif re.match(r"[-+.\d]", value):
        # PyYAML leaves `12e4` bare, which YAML 1.2 readers take for a number.
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _text)
