"""The rules as their files state them, each with the place to name when something is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

from problems import Problems
from rules.reader import Document, Place
from rules.schema import AlertRule, Group, RecordRule, RuleFile, validate

RuleT = TypeVar("RuleT", AlertRule, RecordRule)


@dataclass(frozen=True)
class Sourced(Generic[RuleT]):
    """One rule, the group it stands in and where in which file."""

    rule: RuleT
    group: Group
    document: Document
    place: Place

    @property
    def name(self) -> str:
        """The alert's or the recorded series' name."""
        return self.rule.alert if isinstance(self.rule, AlertRule) else self.rule.record

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the rule adds; its own win over the group's, as in Prometheus."""
        return {**self.group.labels, **self.rule.labels}

    def line(self, *field: str) -> int:
        """The line of a field of the rule, or of the rule."""
        return self.document.line((*self.place, *field))

    def note(self, problems: Problems, text: str, *field: str) -> None:
        """Note a problem with a field of this rule."""
        problems.add(self.document.file, self.line(*field), text)

    def with_rule(self, rule: RuleT) -> "Sourced[RuleT]":
        """The same place with another rule in it."""
        return replace(self, rule=rule)


AnySourced: TypeAlias = Sourced[AlertRule] | Sourced[RecordRule]


def load_rules(
    document: Document, model: type[RuleT], problems: Problems, *, mixed: bool = False
) -> list[Sourced[RuleT]]:
    """The rules of one file that have the right shape; notes every group and rule that hasn't.

    In a `mixed` file rules of the other kind are passed over; elsewhere they are misplaced.
    """
    if document.data is None:
        problems.add(document.file, 0, "is empty. Put `groups:` with rules into it, or delete it.")
        return []
    file = validate(RuleFile, document, (), document.data, problems)
    found: list[Sourced[RuleT]] = []
    for number, data in enumerate(file.groups if file else []):
        place: Place = ("groups", number)
        group = validate(Group, document, place, data, problems)
        raw = data.get("rules") if isinstance(data, dict) else None
        for position, entry in enumerate(raw if isinstance(raw, list) else []):
            here: Place = (*place, "rules", position)
            if _misplaced(entry, model):
                if mixed:
                    continue
                where = "rules/recording-rules.yaml" if model is AlertRule else "rules/alerts/"
                problems.add(
                    document.file, document.line(here), f"does not belong here. Move it to {where}."
                )
                continue
            rule = validate(model, document, here, entry, problems)
            if rule and group:
                found.append(Sourced(rule, group, document, here))
    return found


def note_repeats(rules: Iterable[Sourced[RuleT]], kind: str, problems: Problems) -> None:
    """Note each name that two rules of a kind share."""
    first: dict[str, Sourced[RuleT]] = {}
    for sourced in rules:
        seen = first.setdefault(sourced.name, sourced)
        if seen is not sourced:
            where = f"{seen.document.file}:{seen.line(kind)}"
            sourced.note(
                problems, f"the {kind} {sourced.name} is already at {where}. Keep one.", kind
            )


def note_repeated_groups(rules: Iterable[AnySourced], problems: Problems) -> None:
    """Note each group name that two groups share, whatever rules are in them."""
    groups: dict[str, tuple[Document, Place]] = {}
    for sourced in rules:
        group = (sourced.document, sourced.place[:2])
        if (other := groups.setdefault(sourced.group.name, group)) != group:
            where = f"{other[0].file}:{other[0].line((*other[1], 'name'))}"
            line = sourced.document.line((*sourced.place[:2], "name"))
            text = f"the group {sourced.group.name} is already at {where}. Rename one."
            problems.add(sourced.document.file, line, text)


def _misplaced(entry: object, model: type[AlertRule] | type[RecordRule]) -> bool:
    keys = ("record", "alert") if model is AlertRule else ("alert", "record")
    return isinstance(entry, dict) and keys[0] in entry and keys[1] not in entry
