"""JSON schemas of the kinds of the Kubernetes API, as kubeconform looks for them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def location(folder: Path) -> str:
    """The option `-schema-location` of kubeconform for the schemas in the folder."""
    return f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"


def write_schemas(specification: Path, folder: Path) -> None:
    """Write a strict JSON schema for each kind of an OpenAPI 2.0 specification.

    Files are named as kubeconform looks for them, such as `deployment-apps-v1.json`.
    """
    definitions = json.loads(specification.read_text(encoding="utf-8"))["definitions"]
    strict = {name: _strict(definition) for name, definition in definitions.items()}
    folder.mkdir(parents=True)
    for name, definition in definitions.items():
        kinds = definition.get("x-kubernetes-group-version-kind", ())
        # Some types, such as DeleteOptions, belong to every group; no manifest is of such a kind.
        if len(kinds) == 1:
            [kind] = kinds
            group = kind["group"].partition(".")[0]
            parts = filter(None, (kind["kind"].lower(), group, kind["version"].lower()))
            used = {part: strict[part] for part in sorted(_reachable(name, strict))}
            schema = {"$ref": f"#/definitions/{name}", "definitions": used}
            (folder / f"{'-'.join(parts)}.json").write_text(json.dumps(schema))


def _strict(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition for a validator that knows nothing of Kubernetes' own formats."""
    if definition.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    kept = {key: value for key, value in definition.items() if key != "description"}
    return {"additionalProperties": False, **kept} if "properties" in kept else kept


def _reachable(name: str, definitions: Mapping[str, Any]) -> set[str]:
    """The names of the definitions that this one refers to, and its own."""
    found, waiting = set(), [name]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += re.findall(r'"#/definitions/([^"]+)"', json.dumps(definitions[one]))
    return found
