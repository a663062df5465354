"""What a report consists of, whatever it is written as; texts are plain, and may be anything."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from markupsafe import Markup

from ops.numbers import NOTHING

LONGEST = 400
"""Characters of one text; label values and errors can be of any length."""
# Control characters, and those that turn the direction of the text around them.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")


def clean(text: str) -> str:
    """The text on one line, without what can't be seen, cut at LONGEST characters."""
    plain = re.sub(" +", " ", _INVISIBLE.sub(" ", text)).strip(" ")
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


@dataclass(frozen=True)
class Part:
    """One line of a cell. `tone` is good, warn, bad, muted or nothing; `code` sets it as code.

    A `href` that is no http or https address is left out: it comes from an annotation.
    """

    text: str
    tone: str = ""
    code: bool = False
    href: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean(self.text))
        object.__setattr__(self, "href", self.href if _is_web(self.href) else "")


Cell = tuple[Part, ...]


def cell(*parts: Part | str, tone: str = "") -> Cell:
    """A cell of these lines; a dash stands where there is nothing to say."""
    made = tuple(Part(part, tone) if isinstance(part, str) else part for part in parts)
    return made or (Part(NOTHING, "muted"),)


def code(text: str, tone: str = "", href: str = "") -> Part:
    """A name or number as machines write it."""
    return Part(text, tone, True, href)


@dataclass(frozen=True)
class Table:
    """`empty` is what is said in place of a table without rows."""

    headers: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    empty: str = "None."
    caption: str = ""


@dataclass(frozen=True)
class Items:
    """A list; each item is a cell."""

    items: Sequence[Cell]
    empty: str = "None."
    numbered: bool = False


@dataclass(frozen=True)
class Figure:
    """A chart. `svg` is trusted markup; `legend` pairs colours with names."""

    title: str
    alt: str
    svg: Markup
    legend: Sequence[tuple[str, str]]
    table: Table


@dataclass(frozen=True)
class Figures:
    """Charts that stand together."""

    figures: Sequence[Figure]


Block = Table | Items | Figures


@dataclass(frozen=True)
class Section:
    """A part of the report. `unavailable` lists, one reason each, what could not be asked."""

    id: str
    title: str
    intro: str = ""
    blocks: Sequence[Block] = ()
    unavailable: Sequence[str] = ()


@dataclass(frozen=True)
class Tile:
    """A number on top of the report."""

    label: str
    value: str
    tone: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    tiles: Sequence[Tile]
    sections: Sequence[Section] = field(default_factory=tuple)


def _is_web(href: str) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
