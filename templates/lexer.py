"""Splits a template into text and actions, and an action into tokens, as text/template/parse does.

`read_action` mirrors lex.go. Differences that no verdict depends on: text is not trimmed, and space
is no token but a mark of the token after it.
"""

import re
from typing import NamedTuple

END = "}}"
OPEN = "{{"
_COMMENT = re.compile(r"(?:-[ \t\r\n])?/\*")
_COMMENT_END = re.compile(r"(?:[ \t\r\n]-)?\}\}")
_LEFT_TRIM = re.compile(r"-[ \t\r\n]")
# What may follow a word, a field or a variable.
_ENDS = r"(?=[ \t\r\n.,|:()]|\}\}|\Z)"
# Quantifiers are possessive where Go does not try again with less.
_NUMBER = r"""[+-]?+(?:0[xX][0-9a-fA-F_]*+(?:\.[0-9a-fA-F_]*+)?+(?:[pP][+-]?+[0-9_]*+)?+
    |0[oO][0-7_]*+(?:\.[0-7_]*+)?+|0[bB][01_]*+(?:\.[01_]*+)?+
    |[0-9_]*+(?:\.[0-9_]*+)?+(?:[eE][+-]?+[0-9_]*+)?+)i?+(?!\w)"""
_TOKEN = re.compile(
    rf"""
      (?P<end>(?:[ \t\r\n]-)?\}}\}})
    | (?P<space>[ \t\r\n]+?(?=[ \t\r\n]-\}}\}})|[ \t\r\n]++)
    | (?P<field>\.(?![0-9])\w++){_ENDS}
    | (?P<variable>\$\w*+){_ENDS}
    | (?P<word>(?![0-9])\w++){_ENDS}
    | (?P<text>"(?:\\[^\n]|[^"\\\n])*+"|`[^`]*+`)
    | (?P<sign>:=|[=|(),])
    | (?P<dot>\.){_ENDS}
    | (?P<number>(?=[+\-0-9]|\.[0-9]){_NUMBER}(?:(?=[+-]){_NUMBER}(?<=i))?+(?![+-]))
    | (?P<char>'(?:\\[^\n]|[^'\\\n])*+')
    """,
    re.VERBOSE,
)
# An action that lacks a brace. Go prints it unchanged.
_SINGLE_BRACES = re.compile(r"(?<!\{)\{\s*[$.]\w[^{}]*\}\}?(?!\})|\{\{\s*[$.]\w[^{}]*\}(?!\})")
_KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with")
)
_CONSTANTS = {"true": "bool", "false": "bool", "nil": "nil"}


class TemplateError(ValueError):
    """The template is wrong. The message is one line: the reason, and what to do.

    `position` is where it is in the text that was read, and `template` the name of the template,
    or "" if that is not known. `in_some_cases` says that it does not always fail.
    """

    def __init__(
        self,
        reason: str,
        position: int,
        advice: str = "Correct it.",
        *,
        in_some_cases: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.position, self.advice = reason, position, advice
        self.in_some_cases = in_some_cases
        self.template = ""

    def __str__(self) -> str:
        cases = ", in some cases" if self.in_some_cases else ""
        return f"{self.reason}{cases}. {self.advice}".rstrip()


def check_braces(text: str) -> None:
    """Refuse an action that lacks a brace, which no template means."""
    if single := _SINGLE_BRACES.search(text):
        raise TemplateError(
            f"has unbalanced braces: {single[0]}", single.start(), "Write two at each end."
        )


class Token(NamedTuple):
    """One token of an action.

    `kind` is "text", "char", "number", "bool", "nil", "dot", "field", "variable", "word" for the
    name of a function, or the token itself: a sign, a keyword, or END. `spaced` says that space
    precedes it.
    """

    kind: str
    text: str
    position: int
    spaced: bool


def find_action(text: str, position: int) -> tuple[bool, int]:
    """Whether text with more than white space precedes the next action, and where its tokens begin.

    -1 means that no action follows. Comments are neither text nor actions.
    """
    has_text = False
    while (start := text.find(OPEN, position)) >= 0:
        has_text = has_text or (not text[position:start].isspace() and start > position)
        position = start + len(OPEN)
        comment = _COMMENT.match(text, position)
        if not comment:
            trim = _LEFT_TRIM.match(text, position)
            return has_text, trim.end() if trim else position
        closing = text.find("*/", comment.end())
        end = _COMMENT_END.match(text, closing + 2) if closing >= 0 else None
        if not end:
            raise TemplateError("has a comment that does not end in */}}", start, "End it so.")
        position = end.end()
    return has_text or bool(text[position:].strip()), -1


def read_action(text: str, position: int) -> list[Token]:
    """The tokens of the action whose first token is at the position; the last one is END."""
    found: list[Token] = []
    spaced = False
    depth = 0
    while match := _TOKEN.match(text, position):
        kind, value = match.lastgroup or "", match[0]
        start, position = position, match.end()
        if kind == "space":
            spaced = True
            continue
        if kind == "word":
            kind = value if value in _KEYWORDS else _CONSTANTS.get(value, kind)
        elif kind == "sign":
            kind = value
            depth += (value == "(") - (value == ")")
            if depth < 0:
                raise TemplateError("has a ) without its (", start, "Remove it.")
        elif kind == "end":
            if depth:
                raise TemplateError("has a ( without its ) in an action", start, "Close it.")
            found.append(Token(END, value, start, spaced))
            return found
        if not value.isascii() and kind in ("word", "field", "variable"):
            _check_letters(value, start)
        found.append(Token(kind, value, start, spaced))
        spaced = False
    raise _mistake(text, position)


def _check_letters(word: str, position: int) -> None:
    # Python's \w has a few more characters than Go's letters and digits: ², ½, Ⅷ.
    for character in word.lstrip(".$"):
        if not (character == "_" or character.isalpha() or character.isdecimal()):
            raise TemplateError(f"has the character {character} in a name", position)


def _mistake(text: str, position: int) -> TemplateError:
    """Why no token begins at the position."""
    rest = text[position : position + 20].partition("\n")[0].partition(END)[0].strip()
    if position >= len(text):
        return TemplateError("has an action that is not closed: }} is missing", position, "Add it.")
    if text[position] in "\"'`":
        return TemplateError(f"has a quotation that is not closed: {rest}", position, "Close it.")
    if text.startswith(OPEN, position):
        return TemplateError("has an action inside an action", position, "Close the first with }}.")
    return TemplateError(f"has something unexpected in an action: {rest}", position)
