"""The templates of notifications, checked for what would keep Alertmanager from starting."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from problems import Problems, did_you_mean
from rules.reader import read_text
from rules.templates import GO_FUNCTIONS, OPENS, TemplateError, Token, actions

FILE = "rules/notifications.tmpl"

_KEYWORDS = {*OPENS, "else", "end", "template", "break", "continue", "true", "false", "nil"}
# The functions of Alertmanager (template/template.go).
_ALERTMANAGER = """date humanizeDuration join match reReplaceAll safeHtml safeUrl since stringSlice
    title toJson toLower toUpper trimSpace tz urlUnescape"""
_WORDS = frozenset({*_KEYWORDS, *_ALERTMANAGER.split(), *GO_FUNCTIONS.split()})
_DEFINE = re.compile(r'\{\{-?\s*define\s+"([^"]*)"')
_CALL = re.compile(r'\btemplate\s+"([^"]*)"')


def load_notifications(root: Path, wanted: Collection[str], problems: Problems) -> str:
    """The text of the templates; notes each fault, and each wanted template that is missing."""
    text = read_text(root, FILE, problems)
    if text is None:
        return ""
    starts = [*_DEFINE.finditer(text)]
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends, strict=True):
        for fault in _faults(text[start.start() : end]):
            problems.add(FILE, _line(text, start), f"the template {start[1]} {fault}")
    defined = {start[1] for start in starts}
    for call in _CALL.finditer(text):
        if call[1] not in defined:
            fault = f"calls the template {call[1]}, which does not exist. Define it."
            problems.add(FILE, _line(text, call), fault)
    for name in sorted(set(wanted) - defined):
        problems.add(FILE, 0, f"lacks the template {name}, which a receiver sends. Define it.")
    return text


def template_names(config: str) -> set[str]:
    """The names of the templates that a configuration of Alertmanager uses."""
    return set(_CALL.findall(config))


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _faults(text: str) -> Iterator[str]:
    """Each fault of one template, from its `define` to before the next."""
    try:
        found = actions(text)
    except TemplateError as error:
        yield str(error)
        return
    depth = 0
    for tokens in found:
        yield from _unknown_words(tokens)
        word = tokens[0].text if tokens else ""
        depth += (word in OPENS) - (word == "end")
        if depth < 0:
            yield "has an end that closes nothing. Remove it."
            return
    if depth:
        yield "has a block without its end. Add {{ end }}."


def _unknown_words(tokens: list[Token]) -> Iterator[str]:
    if not tokens:
        yield "has an empty action: {{ }}. Remove it."
    for token in tokens:
        if token.kind == "word" and token.text not in _WORDS:
            advice = did_you_mean(token.text, sorted(_WORDS), "Remove it.")
            yield f"uses {token.text}, which Alertmanager does not have. {advice}"
