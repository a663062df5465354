"""Splits a Go template, as annotations and labels use it, into actions and tokens."""

import re
from dataclasses import dataclass

_ACTION_START = re.compile(r"\{\{(?:-\s)?")
_COMMENT = re.compile(r"/\*(?:(?!\*/).)*\*/(?:\s-)?\}\}", re.DOTALL)
_ACTION_END = re.compile(r"\s*(?:\s-)?\}\}")
_SPACE = re.compile(r"\s+")
_ESCAPE = r"\\(?:[abfnrtv\\'\"]|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_TOKEN = re.compile(
    rf"""
      (?P<text>"(?:{_ESCAPE}|[^"\\\n])*"|`[^`]*`)
    | (?P<char>'(?:{_ESCAPE}|[^'\\\n])')
    | (?P<number>[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+
          |0[0-7_]+(?![.\d])|(?:(?!0\d)\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)?)i?(?![\w.]))
    | (?P<field>\.[^\W\d]\w*)(?![$"'`])
    | (?P<variable>\$\w*)(?![$"'`=])
    | (?P<word>[^\W\d]\w*)(?![$"'`])
    | (?P<dot>\.(?!\w))
    | (?P<sign>:=|[=|(),])
    """,
    re.VERBOSE,
)
# One brace too few: Prometheus would print the text as it stands.
_SINGLE_BRACES = re.compile(r"(?<!\{)\{\s*[$.]\w[^{}]*\}\}?(?!\})|\{\{\s*[$.]\w[^{}]*\}(?!\})")


class TemplateError(ValueError):
    """The template can't be used; the message is the reason, on one line."""


@dataclass(frozen=True)
class Token:
    """One token of an action; `spaced` says whether white space stands before it."""

    kind: str
    text: str
    spaced: bool


def actions(template: str) -> list[list[Token]]:
    """The tokens of each action of the template, comments left out; TemplateError if it breaks."""
    if single := _SINGLE_BRACES.search(template):
        raise TemplateError(f"has unbalanced braces: {single[0]}")
    found = []
    position = 0
    while start := _ACTION_START.search(template, position):
        if comment := _COMMENT.match(template, start.end()):
            position = comment.end()
            continue
        tokens, position = _action(template, start.end())
        found.append(tokens)
    return found


def _action(template: str, position: int) -> tuple[list[Token], int]:
    tokens: list[Token] = []
    spaced = True
    while position < len(template):
        if end := _ACTION_END.match(template, position):
            return tokens, end.end()
        if space := _SPACE.match(template, position):
            spaced, position = True, space.end()
            continue
        match = _TOKEN.match(template, position)
        if not match or not match.lastgroup:
            raise TemplateError(
                f"has something unexpected in an action: {template[position:][:20]}"
            )
        tokens.append(Token(match.lastgroup, match[0], spaced))
        spaced, position = False, match.end()
    raise TemplateError("has an action that is not closed: }} is missing")
