"""What is wrong with a user's input: one line each, collected and reported together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

_MAX_LENGTH = 500
_MAX_REPORTED = 100


class Refused(Exception):  # noqa: N818
    """The input can't be used.

    `problems` holds one line for each problem, "place: what is wrong. What to do.", ordered by file
    and line, 100 at most; the place is "file:line", or the settings key of an override. `str()` is
    these lines together.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass
class Problems:
    """Collects problems while files are read and checked."""

    _found: set[tuple[str, int, str]] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._found)

    def add(self, place: str, line: int, text: str) -> None:
        """Note a problem of `place` (a file or a settings key); line 0 stands for the whole."""
        self._found.add((place, line, text))

    def refuse_if_any(self) -> None:
        """Raise `Refused` with everything collected so far, if there is anything."""
        if not self._found:
            return
        lines = []
        for place, line, text in sorted(self._found)[:_MAX_REPORTED]:
            where = f"{place}:{line}" if line else place
            lines.append(one_line(f"{where}: {text}"))
        if len(self._found) > _MAX_REPORTED:
            lines.append(f"... and {len(self._found) - _MAX_REPORTED} more problems.")
        raise Refused(tuple(lines))


def one_line(text: str) -> str:
    """Make text printable on one line of bearable length, whatever a file put into it."""
    flat = " ".join(text.split())
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in flat)
    return shown if len(shown) <= _MAX_LENGTH else shown[: _MAX_LENGTH - 3] + "..."


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The advice "Did you mean `x`?" for a misspelled word, or `otherwise` if none is close."""
    near = get_close_matches(word, list(known), n=1)
    return f"Did you mean `{near[0]}`?" if near else otherwise
