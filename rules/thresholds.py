"""The thresholds of an alert: one number in an annotation, the expression and the description."""

import re

from promql.expressions import comparisons
from rules.schema import AlertRule

Span = tuple[int, int]

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:\.\d+)?)(?:[eE][-+]?\d+)?(?!\w|\.\d)")


class ThresholdError(ValueError):
    """The places of a threshold disagree; the message says what to do."""


def thresholds(rule: AlertRule) -> dict[str, float]:
    """The numbers that the annotations `threshold` and `threshold_*` state, by annotation.

    Raises ThresholdError if one is not a number, or is not exactly once the right side of a
    comparison in `expr` and exactly once in `description`; PromqlError if `expr` doesn't parse.
    """
    found = {}
    for name, text in rule.annotations.items():
        if name == "threshold" or name.startswith("threshold_"):
            if not _NUMBER.fullmatch(text):
                raise ThresholdError(f"{name} must be a number, not `{text}`. Correct it.")
            found[name] = float(text)
            _spans(rule, name, found[name])
    return found


def with_thresholds(rule: AlertRule, new: dict[str, float]) -> AlertRule:
    """The rule with other thresholds in all three places; the old ones must be sound."""
    old = thresholds(rule)
    in_expr, in_description = [], []
    for name, value in new.items():
        expr, description = _spans(rule, name, old[name])
        in_expr.append((expr, value))
        in_description.append((description, value))
    annotations = rule.annotations | {name: number_text(value) for name, value in new.items()}
    annotations["description"] = _replaced(annotations["description"], in_description)
    expr = _replaced(rule.expr, in_expr)
    changed = rule.model_copy(update={"expr": expr, "annotations": annotations})
    thresholds(changed)
    return changed


def without_threshold(rule: AlertRule) -> str:
    """The expression without its thresholds: equal for a warning and its critical sibling."""
    spans = [_spans(rule, name, value)[0] for name, value in thresholds(rule).items()]
    return "".join(_replaced(rule.expr, [(span, None) for span in spans]).split())


def number_text(value: float) -> str:
    """A number as PromQL, Go templates and people read it."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _spans(rule: AlertRule, name: str, value: float) -> tuple[Span, Span]:
    text = rule.annotations[name]
    compared = comparisons(rule.expr, value)
    if len(compared) != 1:
        raise ThresholdError(
            f"{name} {text} must be the right side of exactly one comparison in `expr`,"
            f" not of {len(compared)}. Make them agree."
        )
    description = rule.annotations.get("description", "")
    stated = [m.span() for m in _NUMBER.finditer(description) if float(m[0]) == value]
    if len(stated) != 1:
        raise ThresholdError(
            f"`description` must state the {name} {text} exactly once,"
            f" not {len(stated)} times. Make them agree."
        )
    return compared[0], stated[0]


def _replaced(text: str, changes: list[tuple[Span, float | None]]) -> str:
    for (start, end), value in sorted(changes, reverse=True):
        text = text[:start] + ("?" if value is None else number_text(value)) + text[end:]
    return text
