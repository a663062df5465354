"""What a rehearsal's copy of a config file holds: the tracked values, and secrets of its own."""

from collections.abc import Mapping
from typing import Any

import yaml

from stacks.secrets import PROJECT, SECRETS


def secret_keys(project: Mapping[str, Any], tracked: Mapping[str, Any]) -> list[str]:
    """The secrets to make up: what the project declares, what the stack has set, what it may need.

    Pulumi.yaml can't declare a secret that not every stack has, so a stack gets all that the
    program knows; it takes those that its settings need.
    """
    name, config = project["name"], tracked.get("config") or {}
    declared = [
        key if ":" in key else f"{name}:{key}"
        for key, schema in (project.get("config") or {}).items()
        if isinstance(schema, dict) and schema.get("secret")
    ]
    given = [key for key, value in config.items() if _is_secure(value)]
    known = [f"{PROJECT}:{key}" for key in SECRETS] if name == PROJECT else []
    return list(dict.fromkeys([*declared, *given, *known]))


def merge(tracked: str, kept: str, wanted: list[str]) -> str:
    """The tracked file's plain values with the rehearsal's own secrets and encryption.

    Its secrets can't be read here: another passphrase or a key service has encrypted them. Values
    are carried over as they are spelled: Pulumi reads some plain words as other types than PyYAML.
    """
    ours, theirs = _entries(yaml.compose(kept)), _entries(yaml.compose(tracked))
    for key in ("secretsprovider", "encryptedkey", "encryptionsalt"):
        theirs.pop(key, None)
    config = {
        key: entry
        for key, entry in _entries(theirs.get("config", (None, None))[1]).items()
        if "secure" not in _entries(entry[1])
    }
    if "encryptionsalt" in ours:
        theirs["encryptionsalt"] = ours["encryptionsalt"]
        secure = _entries(ours.get("config", (None, None))[1])
        config |= {key: entry for key, entry in secure.items() if key in wanted}
    theirs["config"] = (yaml.ScalarNode("tag:yaml.org,2002:str", "config"), _mapping(config))
    return yaml.serialize(_mapping(theirs), allow_unicode=True)


Entries = dict[str, tuple[yaml.Node, yaml.Node]]


def _entries(node: yaml.Node | None) -> Entries:
    """A mapping's entries by key; none for any other node."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {key.value: (key, value) for key, value in pairs}


def _mapping(entries: Entries) -> yaml.MappingNode:
    return yaml.MappingNode("tag:yaml.org,2002:map", list(entries.values()), flow_style=False)


def _is_secure(value: Any) -> bool:
    return isinstance(value, dict) and "secure" in value
