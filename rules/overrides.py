"""Overrides of single alerts, as a stack's settings state them."""

import math
from collections.abc import Mapping
from difflib import get_close_matches

from problems import Problems
from promql.durations import parse_duration
from promql.expressions import PromqlError
from rules.schema import AlertRule
from rules.source import Sourced
from rules.thresholds import ThresholdError, thresholds, with_thresholds

SETTING = "vaultmesh:settings.rules.overrides"
Overrides = Mapping[str, Mapping[str, object]]


def apply_overrides(
    alerts: list[Sourced[AlertRule]], overrides: Overrides, problems: Problems, *, complete: bool
) -> list[Sourced[AlertRule]]:
    """The alerts with the overrides applied; notes each that can't be, with its settings key.

    `complete`: every alert file could be read, so that an alert that isn't there does not exist.
    """
    names = [alert.name for alert in alerts]
    for name in overrides:
        if complete and name not in names:
            near = get_close_matches(str(name), names, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
            problems.add(f"{SETTING}.{name}", 0, f"there is no such alert. {advice}")
    return [
        _overridden(alert, overrides[alert.name], problems) if alert.name in overrides else alert
        for alert in alerts
    ]


def _overridden(
    alert: Sourced[AlertRule], override: object, problems: Problems
) -> Sourced[AlertRule]:
    place = f"{SETTING}.{alert.name}"
    try:
        named = thresholds(alert.rule)
    except (ThresholdError, PromqlError):
        return alert  # The file itself is at fault, and is reported as such.
    if not isinstance(override, Mapping) or not override:
        problems.add(place, 0, f"must be a mapping, such as {{for: 30m}}, not {override!r}.")
        return alert
    rule, numbers = alert.rule, {}
    for field, value in override.items():
        if field == "for":
            rule = _with_for(rule, value, place, problems)
        elif field not in named:
            there = ", ".join(["for", *named])
            problems.add(place, 0, f"{alert.name} has no `{field}` to override. It has: {there}.")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            problems.add(place, 0, f"`{field}` must be a number, not {value!r}. Correct it.")
        else:
            numbers[field] = float(value)
    try:
        return alert.with_rule(with_thresholds(rule, numbers))
    except ThresholdError as error:
        problems.add(place, 0, str(error))
        return alert


def _with_for(rule: AlertRule, value: object, place: str, problems: Problems) -> AlertRule:
    try:
        if not isinstance(value, str):
            raise ValueError(f"must be a duration in quotes, such as 30m, not {value!r}.")
        parse_duration(value)
    except ValueError as error:
        problems.add(place, 0, f"`for`: {error}")
        return rule
    return rule.model_copy(update={"for_": value})


def _finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
