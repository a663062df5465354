"""Merges the checked rules of all files into the documents that Prometheus loads."""

import sys
from collections.abc import Iterable, Mapping

import yaml

from rules.schema import AlertRule
from rules.source import AnySourced, Sourced


def with_runbook(alert: Sourced[AlertRule], base_url: str) -> Sourced[AlertRule]:
    """The alert with the annotation `runbook_url`, which follows from its name."""
    url = f"{base_url.rstrip('/')}/{alert.name}.md"
    annotations = alert.rule.annotations | {"runbook_url": url}
    return alert.with_rule(alert.rule.model_copy(update={"annotations": annotations}))


def merged(rules: Iterable[AnySourced]) -> str:
    """One YAML document with all the groups, each with its rules in their order."""
    groups: dict[str, dict[str, object]] = {}
    listed: dict[str, list[object]] = {}
    for sourced in rules:
        name = sourced.group.name
        if name not in groups:
            groups[name] = sourced.group.model_dump(exclude_unset=True)
            groups[name]["rules"] = listed[name] = []
        listed[name].append(sourced.rule.model_dump(by_alias=True, exclude_unset=True))
    return _dump({"groups": list(groups.values())})


def annotated(text: str, name: str, values: Mapping[str, str]) -> str:
    """A merged document in which the alerts have one more annotation; `values` by alert."""
    document = yaml.safe_load(text)
    for group in document["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["annotations"][name] = values[rule["alert"]]
    return _dump(document)


def _dump(document: object) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=sys.maxsize)
