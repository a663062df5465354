"""Turns a dashboard's queries into PromQL that a parser can read."""

import re

_LABEL_VALUES = re.compile(r"\s*label_values\(\s*(?:(?P<series>.+),)?\s*[A-Za-z_]\w*\s*\)\s*", re.S)
_VARIABLE = re.compile(
    r"\$(?P<plain>[A-Za-z_]\w*)|\$\{(?P<braced>\w+)[^}]*\}|\[\[(?P<bracketed>[A-Za-z_]\w*)[^\]]*\]\]"
)
_NUMBER = re.compile(r"__(interval|range)_m?s|__from|__to")
_DURATION = re.compile(r"__(rate_interval|interval|range|auto)\w*")


def without_variables(expr: str) -> str:
    """Replace Grafana's variables in the expression.

    `$pod`, `${pod:regex}` and `[[pod]]` become `pod`, `$__range` and its kin a duration,
    `$__range_s` and its kin a number, and `label_values(series, label)` becomes `series`.

    A metric name made from a variable becomes one that no workload exports, which a check for
    unknown metrics reports.
    """
    if values := _LABEL_VALUES.fullmatch(expr):
        # Without a series, it asks for all values of the label: no metric is named.
        expr = values["series"] or "vector(0)"
    return _VARIABLE.sub(_replacement, expr)


def _replacement(match: re.Match[str]) -> str:
    name = match["plain"] or match["braced"] or match["bracketed"]
    if _NUMBER.fullmatch(name):
        return "300"
    if _DURATION.fullmatch(name):
        return "5m"
    return name
