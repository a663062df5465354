"""The tokens of a PromQL expression, as the lexer of Prometheus reads them."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from problems import one_line, shorten
from promql.errors import PromqlError
from promql.literals import DURATION, NUMBER, STRING, parse_number, seconds_of, unquote
from promql.variables import VARIABLE

_Match: TypeAlias = Callable[[str, int], Any]
SKIPPED = r"[ \t\n\r]*+(?:\#[^\n\r]*+[ \t\n\r]*+)*+"
"""The pattern of spaces and comments between tokens."""
_TOKEN: _Match = re.compile(
    rf"{SKIPPED}(?:([A-Za-z_:][A-Za-z0-9_:]*+)|([=!<>]=|[<>]/|[-+*/%^<>(){{}}\[\],@])"
    rf"|({NUMBER})|({DURATION})|({STRING})|(\Z)|(.))",
    re.DOTALL,
).match
WORD, _OPERATOR, _NUMBER, _DURATION, _STRING, _END, _WRONG = range(1, 8)
_LITERALS: dict[int, Callable[[str], float | str]] = {
    _NUMBER: parse_number,
    _DURATION: seconds_of,
    _STRING: unquote,
}
_SKIP: _Match = re.compile(SKIPPED).match
_PIECE: _Match = re.compile(r"[\w.:]+|.", re.DOTALL).match
_SHOWN = 40
_INSTEAD = {
    "=": 'Write == to compare two values, or {label="value"} to select by a label.',
    "&": "Write `and`.",
    "|": "Write `or`.",
    "!": "Write != or `unless`.",
    "~": "Write =~ inside of braces.",
    '"': 'Close the string with ".',
    "'": "Close the string with '.",
    "`": "Close the string with `.",
    "\ufeff": "Remove the byte order mark.",
    "\xa0": "Write an ordinary space.",
}


class Lexer:
    """Reads a text token by token; the attributes describe the token that comes next.

    `value` is the token as the text writes it, "" at the end of the text. `kind` is WORD for a name
    or keyword. `before` is the end of the previous token.
    """

    __slots__ = ("before", "end", "kind", "start", "text", "value")

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = 0
        self.advance()

    def advance(self) -> None:
        """Go to the next token. Raises PromqlError if there is none before the end."""
        self.before = self.end
        match = _TOKEN(self.text, self.end)
        self.kind = kind = match.lastindex
        self.start, self.end = match.span(kind)
        self.value = match[kind]
        if kind == _WRONG:
            raise self.unreadable(self.start)

    def go_to(self, offset: int) -> None:
        """Go to the token that follows an offset, where something else was read up to."""
        self.end = offset
        self.advance()

    def literal(self) -> float | str | None:
        """Go past a number, a duration or a string, and return its value; None if none is here."""
        kind, value, start = self.kind, self.value, self.start
        if kind not in _LITERALS:
            return None
        self.advance()
        try:
            return _LITERALS[kind](value)
        except ValueError as error:
            raise self.error(str(error), start) from None

    def expect(self, value: str, where: str) -> None:
        """Go past the token `value`; raises PromqlError if another one stands here."""
        if self.value != value:
            raise self.unexpected(f"Write {value} {where}.")
        self.advance()

    def error(self, reason: str, at: int | None = None) -> PromqlError:
        """An error at an offset of the text, by default that of the token."""
        offset = min(self.start if at is None else at, len(self.text.rstrip()))
        column = f"column {offset - self.text.rfind(chr(10), 0, offset)}"
        if "\n" in self.text.strip():
            column = f"line {self.text.count(chr(10), 0, offset) + 1}, {column}"
        return PromqlError(one_line(f"does not parse at {column}: {reason}"))

    def unexpected(self, advice: str) -> PromqlError:
        """An error about the token, which can't stand where it does."""
        if not self.value:
            return self.error(f"the expression ends too early. {advice}")
        return self.error(f"`{shorten(self.value, _SHOWN)}` can't stand here. {advice}")

    def unreadable(self, at: int, advice: str = "Remove it.") -> PromqlError:
        """An error about the text at an offset, where no token begins that could stand there."""
        at = skip(self.text, at)
        if at == len(self.text):
            return self.error(f"the expression ends too early. {advice}", at)
        if variable := VARIABLE.match(self.text, at):
            found = f"contains the dashboard variable {variable[0]}. Write the value out."
            return PromqlError(found)
        piece = _PIECE(self.text, at)[0]
        advice = _INSTEAD.get(piece[0], advice)
        return self.error(f"`{shorten(piece, _SHOWN)}` can't stand here. {advice}", at)


def skip(text: str, at: int) -> int:
    """The offset of what follows the spaces and comments at an offset."""
    return _SKIP(text, at).end()
