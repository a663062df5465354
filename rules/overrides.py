"""Overrides of single alerts from a stack's settings."""

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from problems import Problems, did_you_mean
from promql.durations import parse_duration
from promql.errors import PromqlError
from rules.rule import Alert, Threshold, ThresholdError, find_thresholds, replace_spans

SETTING = "vaultmesh:settings.rules.overrides"
Overrides: TypeAlias = Mapping[str, Mapping[str, object]]
"""Alert -> `for` or the name of a threshold -> the new value."""


def apply_overrides(
    alerts: Iterable[Alert], overrides: Overrides, problems: Problems, *, complete: bool
) -> list[Alert]:
    """The alerts with their overrides applied; reports each invalid override by its settings key.

    `complete` says that every alert file could be read; otherwise unknown alerts are not reported.
    """
    alerts = list(alerts)
    names = [alert.name for alert in alerts]
    for name in overrides:
        if complete and name not in names:
            advice = did_you_mean(str(name), names, f"There are: {', '.join(names)}.")
            problems.add(f"{SETTING}.{name}", 0, f"there is no such alert. {advice}")
    return [
        _override(alert, overrides[alert.name], problems) if alert.name in overrides else alert
        for alert in alerts
    ]


def _override(alert: Alert, override: object, problems: Problems) -> Alert:
    place = f"{SETTING}.{alert.name}"
    try:
        thresholds = find_thresholds(alert)
    except (ThresholdError, PromqlError):
        return alert  # The mistake is in the alert's file; check_alert reports it.
    if not isinstance(override, Mapping) or not override:
        problems.add(place, 0, f"must be a mapping, such as {{for: 30m}}, not {override!r}.")
        return alert
    numbers: dict[str, float] = {}
    wait: dict[str, object] = {}
    for field, value in override.items():
        if field == "for":
            if reason := _for_problem(value):
                problems.add(place, 0, f"`for`: {reason}")
            else:
                wait["for_"] = value
        elif field not in thresholds:
            has = ", ".join(["for", *thresholds])
            problems.add(place, 0, f"{alert.name} has no `{field}` to override. It has: {has}.")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            problems.add(place, 0, f"`{field}` must be a number, not {value!r}. Correct it.")
        else:
            numbers[field] = float(value)
    changed = _with_thresholds(alert, thresholds, numbers).with_fields(**wait)
    try:
        find_thresholds(changed)
    except ThresholdError as error:
        problems.add(place, 0, str(error))
        return alert
    except PromqlError as error:
        problems.add(place, 0, f"the new `expr` {error}")
        return alert
    return changed


def _with_thresholds(
    alert: Alert, thresholds: Mapping[str, Threshold], numbers: Mapping[str, float]
) -> Alert:
    """The alert with new numbers in its `expr`, `description` and threshold annotations."""
    texts = {name: _number_text(value) for name, value in numbers.items()}
    expr = replace_spans(
        alert.fields.expr, [(thresholds[name].in_expr, text) for name, text in texts.items()]
    )
    annotations = {**alert.annotations, **texts}
    if texts:
        spots = [(thresholds[name].in_description, text) for name, text in texts.items()]
        annotations["description"] = replace_spans(annotations["description"], spots)
    return alert.with_fields(expr=expr, annotations=annotations)


def _number_text(value: float) -> str:
    """A number in the form that PromQL, Go templates and people read: 5, not 5.0."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _for_problem(value: object) -> str | None:
    """Why the value is not a valid `for`; None if it is valid."""
    if not isinstance(value, str):
        return f"must be a duration in quotes, such as 30m, not {value!r}."
    try:
        parse_duration(value)
    except ValueError as error:
        return str(error)
    return None


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
