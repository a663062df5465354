"""Rewrites the rendered configuration for this machine.

Replaces discovery, names and folders that exist only in a cluster, and divides durations by
`speed`. Every other byte stays as rendered.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import yaml

from ops.live.scaling import scale_duration, scale_promql
from ops.manifests import NAME_LABEL
from promql.durations import parse_duration

DISCOVERY = "kubernetes_sd_configs"
PROBED = ("params", "target")
INTERVALS = ("scrape_interval", "evaluation_interval")
RULE_DURATIONS = ("for", "keep_firing_for")
ROUTE_DURATIONS = ("group_wait", "group_interval", "repeat_interval")

Place = tuple[str | int, ...]
"""The path to a value in a YAML document: mapping keys and sequence indexes."""
Replace = Callable[[Place, Any], str | None]
"""A function that returns the YAML text to replace a value by, or None to keep the value.

In a mapping, the text replaces the key and the value.
"""


@dataclass(frozen=True)
class LocalEnvironment:
    """The local substitutes for one pod.

    `speed`: how many times faster time runs. `folders`: the local folder of each mount path.
    `targets`: the folder of the target files. `names`: the addresses of the cluster's DNS names.
    """

    speed: int
    folders: Mapping[str, Path]
    targets: Path
    names: Mapping[str, Sequence[str]]

    def path(self, text: str) -> str:
        """Replace the mount path in `text`, a path or a `--flag=PATH`, by the local folder."""
        for mount, folder in self.folders.items():
            before, found, after = text.partition(mount)
            if found and before[-1:] in ("", "=") and after[:1] in ("", "/"):
                return f"{before}{folder}{after}"
        return text

    def url(self, text: str) -> str:
        """Replace the Service name in a URL by an address behind it."""
        parts = urlsplit(text)
        addresses = self.names.get(parts.hostname or "")
        if not addresses:
            return text
        port = f":{parts.port}" if parts.port else ""
        return parts._replace(netloc=f"{addresses[0]}{port}").geturl()


def rewrite_config_map(
    name: str, texts: Mapping[str, str], local: LocalEnvironment
) -> dict[str, str]:
    """Rewrite the texts of a ConfigMap, by key."""
    if name == "alertmanager":
        # Its templates contain no names and no durations.
        return {
            key: rewrite_alertmanager(text, local) if key == "alertmanager.yml" else text
            for key, text in texts.items()
        }
    if name == "blackbox-exporter":
        # Its targets are in prometheus.yml, and its timeouts guard against services that hang.
        return dict(texts)
    return {
        key: (rewrite_prometheus if key == "prometheus.yml" else rewrite_rules)(text, local)
        for key, text in texts.items()
    }


def rewrite_prometheus(text: str, local: LocalEnvironment) -> str:
    """Rewrite prometheus.yml."""
    interval = yaml.safe_load(text)["global"]["scrape_interval"]

    def replace(place: Place, value: Any) -> str | None:
        if place[-1:] == (DISCOVERY,):
            names = [_selected_workload(s["label"]) for sd in value for s in sd["selectors"]]
            files = [str(local.targets / f"{name}.json") for name in names]
            return f"file_sd_configs: {json.dumps([{'files': files}])}"
        if place[:1] == ("rule_files",) and len(place) == 2:
            return _scalar(value, local.path(value))
        if place[:1] == ("scrape_configs",) and place[2:4] == PROBED and len(place) == 5:
            return _scalar(value, local.url(value))
        if place and place[-1] in INTERVALS:
            return _entry(place, value, scale_duration(value, local.speed))
        if place and place[-1] == "scrape_timeout":
            # Not scaled: a slow answer takes as long at any speed. Prometheus refuses a timeout
            # that exceeds the interval.
            longest = scale_duration(interval, local.speed)
            is_longer = parse_duration(value) > parse_duration(longest)
            return _entry(place, value, longest if is_longer else value)
        return None

    return replace_values(text, replace)


def rewrite_rules(text: str, local: LocalEnvironment) -> str:
    """Rewrite a file of rules."""

    def replace(place: Place, value: Any) -> str | None:
        match place:
            case ("groups", int(), "interval" | "query_offset" as key):
                return _entry((key,), value, scale_duration(value, local.speed))
            case ("groups", int(), "rules", int(), str(key)) if key in RULE_DURATIONS:
                return _entry((key,), value, scale_duration(value, local.speed))
            case ("groups", int(), "rules", int(), "expr"):
                return _entry(place, value, scale_promql(value, local.speed))
        return None

    return replace_values(text, replace)


def rewrite_alertmanager(text: str, local: LocalEnvironment) -> str:
    """Rewrite alertmanager.yml."""

    def replace(place: Place, value: Any) -> str | None:
        if place[:1] == ("route",) and place[-1] in ROUTE_DURATIONS:
            return _entry(place, value, scale_duration(value, local.speed))
        if place[:1] == ("receivers",) and place[-1] == "url":
            return _entry(place, value, local.url(value))
        return None

    return replace_values(text, replace)


def replace_values(text: str, replace: Replace) -> str:
    """Replace values in a YAML text; values inside a replaced value are not visited."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    changes = list(_changes(root, (), None, replace)) if root else []
    for start, end, new in reversed(changes):
        kept = text[start:end]
        text = text[:start] + new + kept[len(kept.rstrip()) :] + text[end:]
    return text


def _changes(
    node: yaml.Node, place: Place, key: yaml.Node | None, replace: Replace
) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, new text) of each replacement, in text order."""
    new = replace(place, _value(node))
    if new is not None:
        yield (key or node).start_mark.index, node.end_mark.index, new
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _changes(value, (*place, name.value), name, replace)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _changes(value, (*place, index), None, replace)


def _value(node: yaml.Node) -> object:
    """The text of a scalar, or the data of a mapping or sequence."""
    if isinstance(node, yaml.MappingNode):
        return {name.value: _value(value) for name, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    return node.value


def _selected_workload(selector: str) -> str:
    """The workload X of a discovery selector `app.kubernetes.io/name=X`."""
    key, _, value = selector.partition("=")
    if key != NAME_LABEL:
        raise ValueError(f"discovery by {selector!r} is unknown here. Select by {NAME_LABEL}.")
    return value


def _entry(place: Place, old: str, new: str) -> str | None:
    return None if new == old else f"{cast(str, place[-1])}: {_quoted(new)}"


def _scalar(old: str, new: str) -> str | None:
    return None if new == old else _quoted(new)


def _quoted(text: str) -> str:
    """A YAML scalar: plain for durations, quoted otherwise."""
    plain = text.replace("ms", "s").isalnum()
    return text if plain else json.dumps(text, ensure_ascii=False)
