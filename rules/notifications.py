"""The templates of notifications, checked for what would keep Alertmanager from starting."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from problems import Problems
from rules.files import read_text
from rules.template_lexer import TemplateError, Token, actions

FILE = "rules/notifications.tmpl"

_OPENS = {"if", "range", "with", "define", "block"}
_KEYWORDS = {*_OPENS, "else", "end", "template", "break", "continue", "true", "false", "nil"}
# Of Alertmanager (template/template.go).
_ALERTMANAGER = """date humanizeDuration join match reReplaceAll safeHtml safeUrl since stringSlice
    title toJson toLower toUpper trimSpace tz urlUnescape"""
_GO = """and call eq ge gt html index js le len lt ne not or print printf println slice
    urlquery"""
_WORDS = frozenset({*_KEYWORDS, *_ALERTMANAGER.split(), *_GO.split()})
_DEFINE = re.compile(r'\{\{-?\s*define\s+"([^"]*)"')
_CALL = re.compile(r'\btemplate\s+"([^"]*)"')


def load_notifications(root: Path, wanted: Collection[str], problems: Problems) -> str:
    """The text of the templates; notes what is wrong with it, and each wanted one that it lacks."""
    text = read_text(root, FILE, problems)
    if text is None:
        return ""
    starts = [*_DEFINE.finditer(text)]
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends, strict=True):
        line = text.count("\n", 0, start.start()) + 1
        for wrong in _wrong(text[start.start() : end]):
            problems.add(FILE, line, f"the template {start[1]} {wrong}. Correct it.")
    defined = {start[1] for start in starts}
    for call in _CALL.finditer(text):
        if call[1] not in defined:
            line = text.count("\n", 0, call.start()) + 1
            problems.add(
                FILE, line, f"calls the template {call[1]}, which is not there. Define it."
            )
    for name in sorted(set(wanted) - defined):
        problems.add(FILE, 0, f"lacks the template {name}, which a receiver sends. Define it.")
    return text


def called(config: str) -> set[str]:
    """The names of the templates that a configuration uses."""
    return set(_CALL.findall(config))


def _wrong(text: str) -> Iterator[str]:
    """What is wrong with one template, from its `define` to before the next."""
    try:
        found = actions(text)
    except TemplateError as error:
        yield str(error)
        return
    depth = 0
    for tokens in found:
        yield from _unknown(tokens)
        word = tokens[0].text if tokens else ""
        depth += (word in _OPENS) - (word == "end")
        if depth < 0:
            yield "has an end that closes nothing"
            return
    if depth:
        yield "has a block without its end"


def _unknown(tokens: list[Token]) -> Iterator[str]:
    if not tokens:
        yield "has an empty action: {{ }}"
    for token in tokens:
        if token.kind == "word" and token.text not in _WORDS:
            yield f"uses {token.text}, which Alertmanager does not have"
