"""Problems in a user's input, one line each, collected and reported together."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

_MAX_LENGTH = 500
_MAX_REPORTED = 100
_USERINFO = re.compile(r"(:[/\\]+)[^/\s?#]*@")
"""Of any scheme, and with any number of slashes: a path of the file system has one."""


class Refused(Exception):  # noqa: N818
    """The user's input is wrong; nothing was changed.

    `problems` holds one line per problem, "place: what is wrong. What to write instead.", sorted
    by place and line, at most 100. The place is "file:line" or a settings key. `str()` joins the
    lines.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass
class Problems:
    """Collects problems while input is read and checked; drops duplicates."""

    _found: set[tuple[str, int, str]] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._found)

    def add(self, place: str, line: int, text: str) -> None:
        """Add a problem of `place`, a file or a settings key; `line` 0 means the whole place."""
        self._found.add((place, line, text))

    def lines(self) -> tuple[str, ...]:
        """One line per problem, sorted by place and line, at most 100."""
        lines = []
        for place, line, text in sorted(self._found)[:_MAX_REPORTED]:
            where = f"{place}:{line}" if line else place
            lines.append(one_line(f"{where}: {text}"))
        if len(self._found) > _MAX_REPORTED:
            lines.append(f"... and {len(self._found) - _MAX_REPORTED} more problems.")
        return tuple(lines)

    def refuse_if_any(self) -> None:
        """Raise `Refused` with all problems added so far; do nothing if there are none."""
        if self._found:
            raise Refused(self.lines())


def one_line(text: str) -> str:
    """The text as one printable line of at most 500 characters; see `without_userinfo`."""
    flat = without_userinfo(" ".join(text.split()))
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in flat)
    return shown if len(shown) <= _MAX_LENGTH else shown[: _MAX_LENGTH - 3] + "..."


def without_userinfo(text: str) -> str:
    """Remove the user and password from every URL in the text."""
    return _USERINFO.sub(r"\1", text)


def shorten(text: str, length: int) -> str:
    """At most `length` characters of a text, for a message."""
    return text if len(text) <= length else text[: length - 3] + "..."


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The advice "Did you mean `x`?" with the closest known word, or `otherwise` without one."""
    near = get_close_matches(word, list(known), n=1)
    return f"Did you mean `{near[0]}`?" if near else otherwise
