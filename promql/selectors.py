"""Selectors of series, and lists of labels."""

import re
from collections.abc import Callable
from typing import Any, cast

from promql.errors import PromqlError
from promql.lexer import SKIPPED, Lexer
from promql.literals import STRING, unquote
from promql.regex import RegexError, compile_regex
from promql.tree import Matcher, VectorSelector
from promql.variables import VARIABLE

_Match = Callable[[str, int], re.Match[str] | None]
_NAME = "__name__"
_MATCHER = re.compile(
    rf"{SKIPPED}(?:([A-Za-z_][A-Za-z0-9_]*+)|({STRING})){SKIPPED}"
    rf"(?:(=~|!~|!=|=){SKIPPED}({STRING}){SKIPPED})?+(?:(,)|\}})"
).match
_PART_OF_MATCHER = re.compile(
    rf"{SKIPPED}(?:[A-Za-z_][A-Za-z0-9_]*+|{STRING})?+{SKIPPED}"
    rf"(?:(?:=~|!~|!=|=){SKIPPED}(?:{STRING})?+)?+"
).match
_LABEL = re.compile(
    rf"{SKIPPED}(?:([A-Za-z_:][A-Za-z0-9_:]*+)|({STRING})){SKIPPED}(?:(,)|\))"
).match
_PART_OF_LABEL = re.compile(rf"{SKIPPED}(?:[A-Za-z_:][A-Za-z0-9_:]*+|{STRING})?+").match
_CLOSING_BRACE = re.compile(rf"{SKIPPED}\}}").match
_CLOSING_PARENTHESIS = re.compile(rf"{SKIPPED}\)").match
_SURROGATE = re.compile("[\ud800-\udfff]")
"""A byte that is no text; see `unquote`."""
_KEYWORDS = frozenset({"without", "inf", "nan"})
"""Words that the lexer of Prometheus does not take for a label outside of quotes."""


def read_selector(lexer: Lexer, metric: str | None, start: int) -> VectorSelector:
    """The selector of a metric whose name was read, and of the matchers that come next."""
    matchers = _read_matchers(lexer) if lexer.value == "{" else []
    named = [matcher for matcher in matchers if matcher.name == _NAME]
    if metric is not None:
        if named:
            reason = f"the metric has two names, {metric} and {named[0].value}. Remove one."
            raise lexer.error(reason, start)
    elif all(_fits_empty(matcher) for matcher in matchers):
        reason = "the selector fits all series. Write a metric's name in front of the braces."
        raise lexer.error(reason, start)
    elif exact := next((each for each in named if each.operator == "=" and each.value), None):
        metric = exact.value
        matchers.remove(exact)
    return VectorSelector(metric, tuple(matchers), 0, None, (start, lexer.before))


def read_labels(lexer: Lexer) -> tuple[str, ...]:
    """The labels in parentheses after `by`, `on` and similar keywords."""
    if lexer.value != "(":
        raise lexer.unexpected("Write the labels in parentheses.")
    advice = "Write labels in parentheses, with commas between them: (job, pod)."
    items = _read_items(lexer, _LABEL, _CLOSING_PARENTHESIS, _PART_OF_LABEL, advice)
    return tuple(_label(lexer, item) for item in items)


def _label(lexer: Lexer, item: re.Match[str]) -> str:
    name, quoted, _ = item.groups()
    if name:
        if name.lower() in _KEYWORDS:
            raise lexer.error(f'`{name}` is no label here. Write "{name}".', item.start(1))
        return name
    label = _unquote(lexer, quoted, item.start(2))
    if not label or _SURROGATE.search(label):
        raise lexer.error(f"{quoted} is no label. Write a label's name.", item.start(2))
    return label


def _read_matchers(lexer: Lexer) -> list[Matcher]:
    advice = 'Write conditions such as label="value", with commas between them.'
    items = _read_items(lexer, _MATCHER, _CLOSING_BRACE, _PART_OF_MATCHER, advice)
    return [_matcher(lexer, item) for item in items]


def _matcher(lexer: Lexer, item: re.Match[str]) -> Matcher:
    name, quoted_name, operator, quoted, _ = item.groups()
    if quoted_name:
        name = _unquote(lexer, quoted_name, item.start(2))
    if not operator:
        if not quoted_name:
            advice = f'Write {name}="value" or "{name}".'
            raise lexer.error(f"the label {name} has no value. {advice}", item.start(1))
        return Matcher(_NAME, "=", name)
    value = _unquote(lexer, quoted, item.start(4))
    if VARIABLE.fullmatch(value):
        raise PromqlError(f"contains the dashboard variable {value}. Write the value out.")
    if operator in ("=~", "!~"):
        try:
            compile_regex(value)
        except RegexError as error:
            raise lexer.error(str(error), item.start(4)) from None
    return Matcher(name, cast(Any, operator), value)


def _fits_empty(matcher: Matcher) -> bool:
    """Whether series without the label fit."""
    match matcher.operator:
        case "=":
            return not matcher.value
        case "!=":
            return bool(matcher.value)
        case "=~":
            return compile_regex(matcher.value).fullmatch("") is not None
        case "!~":
            return compile_regex(matcher.value).fullmatch("") is None


def _read_items(
    lexer: Lexer, item: _Match, closing: _Match, part: _Match, advice: str
) -> list[re.Match[str]]:
    """The items of a list up to its closing token; the last group of `item` is the comma."""
    text, at = lexer.text, lexer.end
    items = []
    while found := item(text, at):
        items.append(found)
        at = found.end()
        if not found.lastindex or found.lastindex < found.re.groups:
            lexer.go_to(at)
            return items
    if end := closing(text, at):
        lexer.go_to(end.end())
        return items
    begun = part(text, at)
    raise lexer.unreadable(begun.end() if begun else at, advice)


def _unquote(lexer: Lexer, quoted: str, at: int) -> str:
    try:
        return unquote(quoted)
    except ValueError as error:
        raise lexer.error(str(error), at) from None
