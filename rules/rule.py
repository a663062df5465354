"""A rule as one value: its fields, what follows from them, and its place in a file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from problems import Problems
from promql.expressions import Expression, PromqlError, Span, parse
from rules.reader import Document, Place
from rules.schema import AlertFields, Group, RecordFields, RuleFile, validate

HEARTBEAT_ALERT = "Watchdog"
"""The alert that always fires, so that its silence shows that alerting is broken."""
HEARTBEAT_SEVERITY = "none"
"""The severity of the heartbeat alone: nobody is notified of it."""

FieldsT = TypeVar("FieldsT", AlertFields, RecordFields)
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:\.\d+)?)(?:[eE][-+]?\d+)?(?!\w|\.\d)")


class ThresholdError(ValueError):
    """The places that state a threshold disagree; the message says what to do."""


class Threshold(NamedTuple):
    """A threshold, and where `expr` and `description` state it."""

    value: float
    in_expr: Span
    in_description: Span


@dataclass(frozen=True)
class Rule(Generic[FieldsT]):
    """What alerting and recording rules have in common."""

    fields: FieldsT
    group: Group
    place: Place

    @cached_property
    def expression(self) -> Expression | PromqlError:
        """The parsed `expr`, or why it does not parse."""
        try:
            return parse(self.fields.expr)
        except PromqlError as error:
            return error

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that the rule adds; its own win over its group's, as in Prometheus."""
        return {**self.group.labels, **self.fields.labels}


@dataclass(frozen=True)
class Record(Rule[RecordFields]):
    """A recording rule."""

    @property
    def name(self) -> str:
        """The name of the recorded series."""
        return self.fields.record


@dataclass(frozen=True)
class Alert(Rule[AlertFields]):
    """An alerting rule."""

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.fields.alert

    @property
    def severity(self) -> str:
        """The label `severity`, or "" if there is none, which the checks refuse."""
        return self.labels.get("severity", "")

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations; those of a rulebook's alerts include `runbook_url`."""
        return self.fields.annotations

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The number of each annotation `threshold` and `threshold_*`."""
        return {
            name: float(text)
            for name, text in self.annotations.items()
            if _is_threshold(name) and _NUMBER.fullmatch(text)
        }

    def with_fields(self, **fields: object) -> "Alert":
        """The alert with some of its fields replaced."""
        return Alert(self.fields.model_copy(update=fields), self.group, self.place)


AnyRule: TypeAlias = Alert | Record


def find_thresholds(alert: Alert) -> dict[str, Threshold]:
    """The thresholds that the annotations `threshold` and `threshold_*` state, by annotation.

    Raises ThresholdError if one is not a number, or is not exactly once the right side of a
    comparison in `expr` and exactly once in `description`; PromqlError if `expr` doesn't parse.
    """
    if isinstance(alert.expression, PromqlError):
        raise alert.expression
    description = alert.annotations.get("description", "")
    found = {}
    for name, text in alert.annotations.items():
        if not _is_threshold(name):
            continue
        if not _NUMBER.fullmatch(text):
            raise ThresholdError(f"{name} must be a number, not `{text}`. Correct it.")
        value = float(text)
        compared = alert.expression.comparisons(value)
        if len(compared) != 1:
            raise ThresholdError(
                f"{name} {text} must be the right side of exactly one comparison in `expr`,"
                f" not of {len(compared)}. Make them agree."
            )
        stated = [m.span() for m in _NUMBER.finditer(description) if float(m[0]) == value]
        if len(stated) != 1:
            raise ThresholdError(
                f"`description` must state the {name} {text} exactly once,"
                f" not {len(stated)} times. Make them agree."
            )
        found[name] = Threshold(value, compared[0], stated[0])
    return found


def _is_threshold(annotation: str) -> bool:
    return annotation == "threshold" or annotation.startswith("threshold_")


def replace_spans(text: str, replacements: Iterable[tuple[Span, str]]) -> str:
    """The text with each span replaced; the spans must not overlap."""
    for (start, end), new in sorted(replacements, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def read_rules(
    document: Document, kinds: tuple[type[AnyRule], ...], problems: Problems
) -> list[AnyRule]:
    """The rules of a file that have the right shape, in its order; notes each one that has not.

    `kinds` are the kinds of rule that the file may hold: Alert, Record or both.
    """
    if document.data is None:
        problems.add(document.file, 0, "is empty. Put `groups:` with rules into it, or delete it.")
        return []
    top = Place(document)
    file = validate(RuleFile, document.data, top, problems)
    found: list[AnyRule] = []
    for number, data in enumerate(file.groups if file else []):
        place = top.at("groups", number)
        group = validate(Group, data, place, problems)
        entries = data.get("rules") if isinstance(data, dict) else None
        for position, entry in enumerate(entries if isinstance(entries, list) else []):
            rule = _read_rule(entry, group, place.at("rules", position), kinds, problems)
            if rule:
                found.append(rule)
    return found


def _read_rule(
    entry: object,
    group: Group | None,
    place: Place,
    kinds: tuple[type[AnyRule], ...],
    problems: Problems,
) -> AnyRule | None:
    keys = entry if isinstance(entry, dict) else {}
    kind = kinds[0]
    if ("alert" in keys) != ("record" in keys):
        kind = Alert if "alert" in keys else Record
    if kind not in kinds:
        where = "rules/alerts/" if kind is Alert else "rules/recording-rules.yaml"
        place.note(problems, f"this rule does not belong here. Move it to {where}.")
        return None
    if kind is Alert:
        alert = validate(AlertFields, entry, place, problems)
        return Alert(alert, group, place) if alert and group else None
    record = validate(RecordFields, entry, place, problems)
    return Record(record, group, place) if record and group else None
