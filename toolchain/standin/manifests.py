"""A manifest's file: where the official provider's render mode puts it, and its text."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml

CRD_FOLDER, MANIFEST_FOLDER = "0-crd", "1-manifest"


def file_for(folder: Path, manifest: dict[str, Any]) -> Path:
    """The official provider's path for the manifest; cluster-wide objects count as `default`."""
    metadata = manifest["metadata"]
    version = re.sub("[/:]", "_", manifest["apiVersion"])
    namespace = metadata.get("namespace") or "default"
    name = f"{version}-{manifest['kind'].lower()}-{namespace}-{metadata['name']}.yaml"
    crd = manifest["kind"] == "CustomResourceDefinition"
    return folder / (CRD_FOLDER if crd else MANIFEST_FOLDER) / name


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Put the manifest in its file, whole or not at all; readable by its owner alone."""
    for part in (CRD_FOLDER, MANIFEST_FOLDER):
        (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    path = file_for(folder, manifest)
    text = yaml.dump(manifest, Dumper=_Dumper, allow_unicode=True, width=120)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink()
        raise


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if not re.sub(r"[\n\t]", "", value).isprintable():
        style = (
            '"'  # PyYAML would write a line break such as U+0085 as it is, and read it as a space.
        )
    elif "\n" in value:
        style = "|"
    elif re.match(r"[-+.\d]", value):
        style = "'"  # PyYAML would leave `12e4` bare; YAML 1.2 readers take that for a number.
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _text)
