"""The rendered configuration as it must read on this machine.

Three things change and nothing else: how pods are discovered, names and folders that exist in a
cluster alone, and, when time runs faster, durations.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import yaml

from ops.live import edits
from ops.live.durations import scaled, scaled_promql
from ops.live.pods import label_value
from promql.durations import parse_duration

DISCOVERY = "kubernetes_sd_configs"
PROBED = ("params", "target")
INTERVALS = ("scrape_interval", "evaluation_interval")
IN_RULES = ("for", "keep_firing_for")
IN_ROUTES = ("group_wait", "group_interval", "repeat_interval")


@dataclass(frozen=True)
class Here:
    """What differs on this machine.

    `speed`: how many times faster time runs. `folders`: the real place of each mount path.
    `targets`: the folder of the target files. `names`: the cluster's DNS.
    """

    speed: int
    folders: Mapping[str, Path]
    targets: Path
    names: Mapping[str, Sequence[str]]

    def path(self, text: str) -> str:
        """A path below a mount, or an option that ends in one, as it is here."""
        for mount, folder in self.folders.items():
            before, found, after = text.partition(mount)
            if found and before[-1:] in ("", "=") and after[:1] in ("", "/"):
                return f"{before}{folder}{after}"
        return text

    def url(self, text: str) -> str:
        """A URL with the name of a Service replaced by an address behind it."""
        parts = urlsplit(text)
        addresses = self.names.get(parts.hostname or "")
        if not addresses:
            return text
        port = f":{parts.port}" if parts.port else ""
        return parts._replace(netloc=f"{addresses[0]}{port}").geturl()


def prometheus_yml(text: str, here: Here) -> str:
    """The text of prometheus.yml, here."""
    interval = yaml.safe_load(text)["global"]["scrape_interval"]

    def edit(path: edits.Path, value: Any) -> str | None:
        if path[-1:] == (DISCOVERY,):
            names = [label_value(s["label"]) for sd in value for s in sd["selectors"]]
            files = [str(here.targets / f"{name}.json") for name in names]
            return f"file_sd_configs: {json.dumps([{'files': files}])}"
        if path[:1] == ("rule_files",) and len(path) == 2:
            return _scalar(value, here.path(value))
        if path[:1] == ("scrape_configs",) and path[2:4] == PROBED and len(path) == 5:
            return _scalar(value, here.url(value))
        if path and path[-1] in INTERVALS:
            return _entry(path, value, scaled(value, here.speed))
        if path and path[-1] == "scrape_timeout":
            # It guards against a pod that hangs, which time that runs faster does not change; but
            # it may not be longer than the interval.
            longest = scaled(interval, here.speed)
            is_longer = parse_duration(value) > parse_duration(longest)
            return _entry(path, value, longest if is_longer else value)
        return None

    return edits.edited(text, edit)


def rules(text: str, here: Here) -> str:
    """The text of a file of rules, here."""

    def edit(path: edits.Path, value: Any) -> str | None:
        match path:
            case ("groups", int(), "interval" | "query_offset" as key):
                return _entry((key,), value, scaled(value, here.speed))
            case ("groups", int(), "rules", int(), str(key)) if key in IN_RULES:
                return _entry((key,), value, scaled(value, here.speed))
            case ("groups", int(), "rules", int(), "expr"):
                return _entry(path, value, scaled_promql(value, here.speed))
        return None

    return edits.edited(text, edit)


def alertmanager_yml(text: str, here: Here) -> str:
    """The text of alertmanager.yml, here."""

    def edit(path: edits.Path, value: Any) -> str | None:
        if path[:1] == ("route",) and path[-1] in IN_ROUTES:
            return _entry(path, value, scaled(value, here.speed))
        if path[:1] == ("receivers",) and path[-1] == "url":
            return _entry(path, value, here.url(value))
        return None

    return edits.edited(text, edit)


def config_map(name: str, texts: Mapping[str, str], here: Here) -> dict[str, str]:
    """All texts of a ConfigMap, here."""
    if name == "alertmanager":
        # Its templates name no place and no time.
        return {
            key: alertmanager_yml(text, here) if key == "alertmanager.yml" else text
            for key, text in texts.items()
        }
    if name == "blackbox-exporter":
        # Whom it asks stands in prometheus.yml, and its timeouts guard against services that hang.
        return dict(texts)
    return {
        key: (prometheus_yml if key == "prometheus.yml" else rules)(text, here)
        for key, text in texts.items()
    }


def _entry(path: edits.Path, old: str, new: str) -> str | None:
    return None if new == old else f"{cast(str, path[-1])}: {_quoted(new)}"


def _scalar(old: str, new: str) -> str | None:
    return None if new == old else _quoted(new)


def _quoted(text: str) -> str:
    """Text as a YAML scalar: plain if it can be taken for nothing else."""
    plain = text.replace("ms", "s").isalnum()
    return text if plain else json.dumps(text, ensure_ascii=False)
