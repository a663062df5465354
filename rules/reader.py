"""Strict readers of UTF-8 text and of plain YAML, which keep line numbers."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from problems import Problems

MAX_BYTES = 200 * 1024
"""Largest file that is read; larger ones would not fit into a ConfigMap with the others."""
# Characters that YAML considers unprintable, and line breaks that editors don't show.
_ODD = re.compile(
    "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_USUAL = bytes([*b"\t\n\r", *range(ord(" "), ord("~") + 1)])
_MAX_DEPTH = 20
_VALUE_EVENTS = (yaml.ScalarEvent, yaml.CollectionStartEvent)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = yaml.SafeLoader("")
_SCALARS = {
    "tag:yaml.org,2002:null": _PLAIN.construct_yaml_null,
    "tag:yaml.org,2002:bool": _PLAIN.construct_yaml_bool,
    "tag:yaml.org,2002:int": _PLAIN.construct_yaml_int,
    "tag:yaml.org,2002:float": _PLAIN.construct_yaml_float,
}
_TEXT, _NOTHING = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"

Steps: TypeAlias = tuple[str | int, ...]
"""Keys and list positions that lead from the top of a document to a value."""
IsText: TypeAlias = Callable[[Steps], bool]
Events: TypeAlias = Iterator[yaml.Event]


@dataclass(frozen=True)
class Document:
    """The data of a YAML file; `lines` gives the line, from 1, of each key and list item."""

    file: str
    data: object
    lines: dict[Steps, int]


@dataclass(frozen=True)
class Place:
    """Where a value stands: its document and its path in it. `str()` returns "file:line"."""

    document: Document
    steps: Steps = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def file(self) -> str:
        """The file, relative to the project's folder."""
        return self.document.file

    @property
    def line(self) -> int:
        """The line of the value, or of the innermost enclosing value whose line is known."""
        steps = self.steps
        while steps and steps not in self.document.lines:
            steps = steps[:-1]
        return self.document.lines.get(steps, 1)

    def at(self, *steps: str | int) -> "Place":
        """The place of a value inside this one."""
        return Place(self.document, (*self.steps, *steps))

    def report(self, problems: Problems, text: str) -> None:
        """Report a problem of the value."""
        problems.add(self.file, self.line, text)


def read_text(root: Path, file: str, problems: Problems) -> str | None:
    """Read a UTF-8 text file; if it can't be used, reports why and returns None."""
    try:
        with (root / file).open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problems.add(file, 0, f"can't be read ({reason}). Put a readable file there.")
        return None
    if len(raw) > MAX_BYTES:
        problems.add(file, 0, f"is larger than {MAX_BYTES // 1024} KiB. Split it.")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(file, line, "is not UTF-8 text. Save the file as UTF-8.")
        return None
    # Few files have other bytes than the usual ones; to search all texts would take as long as to
    # read them.
    if raw.translate(None, _USUAL) and (odd := _ODD.search(text)):
        line = text.count("\n", 0, odd.start()) + 1
        problems.add(file, line, f"contains the character U+{ord(odd[0]):04X}. Remove it.")
        return None
    return text


def read_yaml(
    root: Path, file: str, problems: Problems, is_text: IsText = lambda _: False
) -> Document | None:
    """Read a YAML file below `root`; if it can't be used, reports why and returns None.

    Unquoted values at the places that `is_text` names stay text as they are written: Prometheus
    reads `tier: 2` as the text "2".
    """
    text = read_text(root, file, problems)
    if text is None:
        return None
    before = len(problems)
    builder = _Builder(file, problems, is_text)
    try:
        data = builder.document(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        parts = (getattr(error, "context", None), getattr(error, "problem", None))
        what = ", ".join(part for part in parts if part) or str(error)
        line = mark.line + 1 if mark else builder.at
        problems.add(file, line, f"is not YAML: {what}. Correct the syntax.")
    except _TooDeepError:
        text = f"is nested more than {_MAX_DEPTH} levels deep. Flatten it."
        problems.add(file, builder.at, text)
    else:
        if len(problems) == before:
            return Document(file, data, builder.lines)
    return None


class _TooDeepError(Exception):
    pass


class _Builder:
    """Builds plain data from YAML events; refuses tags, anchors and aliases."""

    def __init__(self, file: str, problems: Problems, is_text: IsText) -> None:
        self.at = 1
        self.lines: dict[Steps, int] = {}
        self._file = file
        self._problems = problems
        self._is_text = is_text

    def document(self, events: Events) -> object:
        data: object = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note(event, "a second YAML document starts here. Keep one in each file.")
                if event.version not in (None, (1, 1)):
                    self._note(event, "only version 1.1 of YAML can be stated. Remove the %YAML.")
            elif isinstance(event, yaml.NodeEvent):
                data = self._value(event, events, ())
        return data

    def _note(self, event: yaml.Event, text: str) -> None:
        self._problems.add(self._file, event.start_mark.line + 1, text)

    def _value(self, event: yaml.Event, events: Events, steps: Steps) -> object:
        self.at = event.start_mark.line + 1
        if len(steps) > _MAX_DEPTH:
            raise _TooDeepError
        if isinstance(event, yaml.AliasEvent):
            self._note(event, f"the alias *{event.anchor} is not allowed. Write the value out.")
            return None
        assert isinstance(event, _VALUE_EVENTS)  # noqa: S101 - for the type checker
        if event.anchor:
            self._note(event, f"the anchor &{event.anchor} is not allowed. Write each value out.")
        if event.tag:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._note(event, f"the tag {tag} is not allowed. Remove it; put text in quotes.")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, steps)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, steps)
        return self._sequence(events, steps)

    def _mapping(self, events: Events, steps: Steps) -> dict[str, object]:
        found: dict[str, object] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = event.start_mark.line + 1
            before = len(self._problems)
            key = self._value(event, events, (*steps, ""))
            if not isinstance(key, str):
                if len(self._problems) == before:
                    self._note(event, "this key is not text. Put it in quotes.")
                key = f"line {line}"
            elif key in found:
                first = self.lines[(*steps, key)]
                advice = "Keep one of the two."
                if not steps:
                    advice = "If two files were glued together, keep them as two files."
                self._note(event, f"the key `{key}` is already on line {first}. {advice}")
            here = (*steps, key)
            self.lines.setdefault(here, line)
            found.setdefault(key, self._value(next(events), events, here))
        return found

    def _sequence(self, events: Events, steps: Steps) -> list[object]:
        found: list[object] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            here = (*steps, len(found))
            self.lines[here] = event.start_mark.line + 1
            found.append(self._value(event, events, here))
        return found

    def _scalar(self, event: yaml.ScalarEvent, steps: Steps) -> object:
        kind = _TEXT
        if not event.style and event.value[:1] in _PLAIN.yaml_implicit_resolvers:
            kind = _PLAIN.resolve(yaml.ScalarNode, event.value, (True, False))
        if kind == _TEXT or (kind not in (_NOTHING, _MERGE) and self._is_text(steps)):
            return event.value
        # The servers read a number to the base 60, such as 1:30, as text.
        construct = None if ":" in event.value else _SCALARS.get(kind)
        with contextlib.suppress(ValueError, yaml.YAMLError):
            if construct:
                return construct(yaml.ScalarNode(kind, event.value))
        subject = "the merge key << is" if kind == _MERGE else "a date or similar value is"
        self._note(event, f"{subject} not allowed. Write it out, or put text in quotes.")
        return None
