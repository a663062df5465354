"""Alerting and recording rules as values: their fields, parsed expression, and place in a file."""

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from problems import Problems
from promql.errors import PromqlError
from promql.expressions import Expression, parse
from promql.tree import Span
from rules.reader import Document, Place, Steps
from rules.schema import AlertFields, Group, RecordFields, RuleFile, fields_of, validate

WATCHDOG = "Watchdog"
"""The alert that always fires; if it stops arriving, alerting is broken."""
WATCHDOG_SEVERITY = "none"
"""The severity that only Watchdog has; it notifies nobody."""
WATCHDOG_OUTSIDE = ("heartbeat", "outside")
"""The label of the Watchdog that leaves the cluster."""
THROUGH_ALL = ("channels", "all")
"""The label of alerts about lost notifications, which go through every channel at any time."""

_LONGEST_PAGE = 60
"""Characters: a file's name has at most 255 bytes, and a character at most four."""
FieldsT = TypeVar("FieldsT", AlertFields, RecordFields)
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:\.\d+)?)(?:[eE][-+]?\d+)?(?!\w|\.\d)")


class ThresholdError(ValueError):
    """An alert's `expr`, annotations and `description` disagree about a threshold."""


class Threshold(NamedTuple):
    """A threshold, and its spans in `expr` and in `description`."""

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
        """The parsed `expr`, or the error if it does not parse."""
        try:
            return parse(self.fields.expr)
        except PromqlError as error:
            return error

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that the rule adds; as in Prometheus, they override those of its group."""
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
    def page(self) -> str:
        """The file name of the runbook: the alert's name, with - for all that is no word."""
        words = re.sub(r"[^\w.-]+", "-", self.name).strip("-.")[:_LONGEST_PAGE]
        return f"{words or quote(self.name, safe='')}.md"

    @property
    def severity(self) -> str:
        """The label `severity`; "" if it is missing, which `check_alert` reports."""
        return self.labels.get("severity", "")

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations; in a rulebook they include `runbook_url`."""
        return self.fields.annotations

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The values of the annotations `threshold` and `threshold_*`, by annotation."""
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
    """The thresholds of the annotations `threshold` and `threshold_*`, by annotation.

    Each must be a number that is the right side of exactly one comparison in `expr` and occurs
    exactly once in `description`; otherwise raises ThresholdError. Raises PromqlError if `expr`
    doesn't parse.
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


def is_text_of_rule(steps: Steps) -> bool:
    """Whether Prometheus reads the value at this place of a rule file as text, even a number."""
    return steps[-1:] != ("limit",)


def read_rules(
    document: Document, kinds: tuple[type[AnyRule], ...], problems: Problems
) -> list[AnyRule]:
    """The valid rules of a file, in its order; reports each invalid one.

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
        group = validate(Group, _without_nulls(data, _FIELDS_OF_GROUP), place, problems)
        entries = data.get("rules") if isinstance(data, dict) else None
        for position, entry in enumerate(entries if isinstance(entries, list) else []):
            where = place.at("rules", position)
            fields = _without_nulls(entry, _FIELDS_OF_RULE)
            rule = _read_rule(fields, group, where, kinds, problems)
            if rule:
                found.append(rule)
    return found


_FIELDS_OF_GROUP = fields_of(Group).keys()
_FIELDS_OF_RULE = fields_of(AlertFields).keys() | fields_of(RecordFields).keys()


def _without_nulls(data: object, known: Set[str]) -> object:
    """A group or rule as Prometheus reads it: null is no field, or empty text.

    `known` are the names of its fields. An unknown field stays: Prometheus refuses it, whatever its
    value is.
    """
    if not isinstance(data, dict):
        return data
    fields = {key: value for key, value in data.items() if value is not None or key not in known}
    for name in ("labels", "annotations"):
        if isinstance(texts := fields.get(name), dict):
            fields[name] = {key: "" if text is None else text for key, text in texts.items()}
    for name in ("alert", "record"):
        if fields.get(name) == "":
            del fields[name]
    return fields


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
        place.report(problems, f"this rule does not belong here. Move it to {where}.")
        return None
    if kind is Alert:
        alert = validate(AlertFields, entry, place, problems)
        return Alert(alert, group, place) if alert and group else None
    record = validate(RecordFields, entry, place, problems)
    return Record(record, group, place) if record and group else None
