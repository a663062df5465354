"""Notification templates, checked for mistakes that would keep Alertmanager from starting."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from problems import Problems, did_you_mean
from rules.reader import read_text
from rules.templates import GO_FUNCTIONS, OPENS, TemplateError, Token, parse_actions

FILE = "rules/notifications.tmpl"

_KEYWORDS = {*OPENS, "else", "end", "template", "break", "continue", "true", "false", "nil"}
# The functions of Alertmanager (template/template.go).
_ALERTMANAGER = """date humanizeDuration join match reReplaceAll safeHtml safeUrl since stringSlice
    title toJson toLower toUpper trimSpace tz urlUnescape"""
_WORDS = frozenset({*_KEYWORDS, *_ALERTMANAGER.split(), *GO_FUNCTIONS.split()})
_DEFINE = re.compile(r'\{\{-?\s*define\s+"([^"]*)"')
_CALL = re.compile(r'\btemplate\s+"([^"]*)"')


def load_notifications(root: Path, wanted: Collection[str], problems: Problems) -> str:
    """The text of the templates; reports each mistake and each missing template of `wanted`."""
    text = read_text(root, FILE, problems)
    if text is None:
        return ""
    starts = [*_DEFINE.finditer(text)]
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends, strict=True):
        for mistake in _template_mistakes(text[start.start() : end]):
            problems.add(FILE, _line(text, start), f"the template {start[1]} {mistake}")
    defined = {start[1] for start in starts}
    for call in _CALL.finditer(text):
        if call[1] not in defined:
            mistake = f"calls the template {call[1]}, which does not exist. Define it."
            problems.add(FILE, _line(text, call), mistake)
    for name in sorted(set(wanted) - defined):
        problems.add(
            FILE, 0, f"does not define the template {name}, which a receiver uses. Define it."
        )
    return text


def template_names(config: str) -> set[str]:
    """The names of the templates that an Alertmanager configuration uses."""
    return set(_CALL.findall(config))


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _template_mistakes(text: str) -> Iterator[str]:
    """The mistakes in one template; `text` runs from its `define` up to the next one."""
    try:
        found = parse_actions(text)
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
