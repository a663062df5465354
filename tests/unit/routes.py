"""Which receivers an alert reaches, by the rules of Alertmanager's route tree."""

import re
from collections.abc import Mapping
from typing import Any

Labels = Mapping[str, str]
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')


def receivers(config: Mapping[str, Any], labels: Labels) -> set[str]:
    """The names of the receivers of an alert with these labels, at any hour."""
    return _reached(config["route"], labels, config["route"]["receiver"])


def delivering(config: Mapping[str, Any]) -> set[str]:
    """The names of the receivers that send something somewhere."""
    return {
        receiver["name"]
        for receiver in config["receivers"]
        if any(entries for key, entries in receiver.items() if key.endswith("_configs"))
    }


def _reached(route: Mapping[str, Any], labels: Labels, inherited: str) -> set[str]:
    own = route.get("receiver", inherited)
    found: set[str] = set()
    for child in route.get("routes", ()):
        if all(_matches(matcher, labels) for matcher in child.get("matchers", ())):
            found |= _reached(child, labels, own)
            if not child.get("continue"):
                break
    return found or {own}


def _matches(matcher: str, labels: Labels) -> bool:
    parts = _MATCHER.fullmatch(matcher)
    assert parts, f"a matcher that can't be read here: {matcher}"
    name, operator, value = parts.groups()
    held = labels.get(name, "")
    met = re.fullmatch(value, held) is not None if "~" in operator else held == value
    return met is not operator.startswith("!")
