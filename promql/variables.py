"""Grafana variables in the queries of dashboards."""

import re
from collections.abc import Callable

VARIABLE = re.compile(
    r"\$(?P<plain>[A-Za-z_]\w*)|\$\{(?P<braced>\w+)(?:[^\w}][^}]*)?\}"
    r"|\[\[(?P<bracketed>[A-Za-z_]\w*)(?::\w+)?\]\]"
)
"""A variable in any of Grafana's three spellings: `$pod`, `${pod:regex}`, `[[pod]]`."""
_LABEL_VALUES = re.compile(r"\s*label_values\(\s*(?:(?P<series>.+),)?\s*[A-Za-z_]\w*\s*\)\s*", re.S)
_NUMBER = re.compile(r"__(interval|range)_m?s|__from|__to")
_DURATION = re.compile(r"__(rate_interval|interval|range|auto)\w*")


def replace_variables(expr: str, value_of: Callable[[str], str | None]) -> str:
    """Replace each variable with `value_of(name)`; keep it if that returns None."""

    def replacement(match: re.Match[str]) -> str:
        value = value_of(match["plain"] or match["braced"] or match["bracketed"])
        return match[0] if value is None else value

    return VARIABLE.sub(replacement, expr)


def without_variables(expr: str) -> str:
    """Replace Grafana's variables, so that a PromQL parser can read the query.

    `$pod` becomes `pod`, `$__range` and similar variables become a duration, `$__range_s` and
    similar ones a number, and `label_values(series, label)` becomes `series`. A metric name that
    contains a variable becomes an unknown name, which the check for unknown metrics reports.
    """
    if values := _LABEL_VALUES.fullmatch(expr):
        # label_values(label) returns all values of the label and names no metric.
        expr = values["series"] or "vector(0)"
    return replace_variables(expr, _parsable)


def _parsable(name: str) -> str:
    if _NUMBER.fullmatch(name):
        return "300"
    return "5m" if _DURATION.fullmatch(name) else name
