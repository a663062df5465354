"""Reads YAML strictly: text, numbers, lists and mappings only, and the line of every value."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from problems import Problems
from rules.files import read_text

_MAX_DEPTH = 20
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = yaml.SafeLoader("")
_SCALARS = {
    "tag:yaml.org,2002:null": _PLAIN.construct_yaml_null,
    "tag:yaml.org,2002:bool": _PLAIN.construct_yaml_bool,
    "tag:yaml.org,2002:int": _PLAIN.construct_yaml_int,
    "tag:yaml.org,2002:float": _PLAIN.construct_yaml_float,
}
_TEXT = "tag:yaml.org,2002:str"

Place = tuple[str | int, ...]
Events = Iterator[yaml.Event]


@dataclass(frozen=True)
class Document:
    """One file's data, and the line (from 1) on which each key and list item starts."""

    file: str
    data: object
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read(root: Path, file: str, problems: Problems) -> Document | None:
    """Read `file` (relative to root), or note why it can't be used and return None."""
    text = read_text(root, file, problems)
    if text is None:
        return None
    before = len(problems)
    builder = _Builder(file, problems)
    try:
        data = builder.document(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        parts = (getattr(error, "context", None), getattr(error, "problem", None))
        what = ", ".join(part for part in parts if part) or str(error)
        line = mark.line + 1 if mark else builder.at
        problems.add(file, line, f"not YAML: {what}. Correct the syntax.")
    except _TooDeepError:
        problems.add(file, builder.at, f"nested more than {_MAX_DEPTH} levels deep. Flatten it.")
    else:
        if len(problems) == before:
            return Document(file, data, builder.lines)
    return None


class _TooDeepError(Exception):
    pass


class _Builder:
    """Turns YAML's events into data, without ever building an object or following an alias."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.at = 1
        self.lines: dict[Place, int] = {}
        self._file = file
        self._problems = problems

    def document(self, events: Events) -> object:
        data: object = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note(event, "a second YAML document starts here. Keep one per file.")
            elif isinstance(event, yaml.NodeEvent):
                data = self._value(event, events, ())
        return data

    def _note(self, event: yaml.Event, text: str) -> None:
        self._problems.add(self._file, event.start_mark.line + 1, text)

    def _value(self, event: yaml.Event, events: Events, place: Place) -> object:
        self.at = event.start_mark.line + 1
        if len(place) > _MAX_DEPTH:
            raise _TooDeepError
        if isinstance(event, yaml.AliasEvent):
            self._note(event, f"the alias *{event.anchor} is not allowed. Write the value out.")
            return None
        if anchor := getattr(event, "anchor", None):
            self._note(event, f"the anchor &{anchor} is not allowed. Write each value out.")
        if tag := (getattr(event, "tag", None) or "").replace("tag:yaml.org,2002:", "!!"):
            self._note(event, f"the tag {tag} is not allowed. Remove it; put text in quotes.")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, place)
        return self._scalar(event)

    def _mapping(self, events: Events, place: Place) -> dict[str, object]:
        found: dict[str, object] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = event.start_mark.line + 1
            before = len(self._problems)
            key = self._value(event, events, (*place, ""))
            if not isinstance(key, str):
                if len(self._problems) == before:
                    self._note(event, "this key is not plain text. Put it in quotes.")
                key = f"line {line}"
            elif key in found:
                first = self.lines[(*place, key)]
                advice = "Keep one of the two."
                if not place:
                    advice = "If two files were glued together, keep them as two files."
                self._note(event, f"the key `{key}` was already given on line {first}. {advice}")
            self.lines.setdefault((*place, key), line)
            found.setdefault(key, self._value(next(events), events, (*place, key)))
        return found

    def _sequence(self, events: Events, place: Place) -> list[object]:
        found: list[object] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            here = (*place, len(found))
            self.lines[here] = event.start_mark.line + 1
            found.append(self._value(event, events, here))
        return found

    def _scalar(self, event: yaml.Event) -> object:
        assert isinstance(event, yaml.ScalarEvent)  # noqa: S101
        node = yaml.ScalarNode(_TEXT, event.value)
        kind = _TEXT
        if event.style in (None, ""):
            kind = _PLAIN.resolve(yaml.ScalarNode, event.value, (True, False))
        if kind == _TEXT:
            return event.value
        try:
            return _SCALARS[kind](node)
        except (KeyError, ValueError, yaml.YAMLError):
            what = "the merge key << is" if kind.endswith(":merge") else "dates and the like are"
            self._note(event, f"{what} not allowed. Write it out, or put text in quotes.")
            return None
