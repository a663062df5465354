"""Evaluates the routes of an alertmanager.yml without Alertmanager.

Follows dispatch/route.go; tests compare it with `amtool config routes test`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.rules.promtool import run

Labels = Mapping[str, str]


def receivers(route: Mapping[str, Any], labels: Labels, inherited: str = "") -> list[str]:
    """The receivers of an alert: those of the deepest routes that match it.

    After a route matches, its next siblings are tried only if it has `continue`.
    """
    receiver = route.get("receiver", inherited)
    found: list[str] = []
    for child in route.get("routes", []):
        if all(matches(matcher, labels) for matcher in child.get("matchers", [])):
            found += receivers(child, labels, receiver)
            if not child.get("continue", False):
                break
    return found or [receiver]


def matches(matcher: str, labels: Labels) -> bool:
    """Whether labels match `name="value"`; a missing label counts as empty."""
    parts = re.fullmatch(r'(\w+)(=|!=|=~|!~)"([^"\\]*)"', matcher)
    assert parts, f"{matcher} is of a form that is not known here"
    name, sign, value = parts.groups()
    text = labels.get(name, "")
    same = text == value if sign in ("=", "!=") else re.fullmatch(value, text) is not None
    return same == (sign in ("=", "=~"))


def amtool_receivers(amtool: str, folder: Any, labels: Labels) -> list[str]:
    """The receivers of an alert by Alertmanager's own code."""
    given: Sequence[str] = [f'{name}="{value}"' for name, value in labels.items() if value]
    arguments = ["config", "routes", "test", "--config.file=alertmanager.yml", *given]
    passed, output = run(amtool, folder, *arguments)
    assert passed, output
    return output.strip().split(",")
