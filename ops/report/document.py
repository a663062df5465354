"""The parts of a report, and their text as Markdown and HTML.

The text of a part may be anybody's: a label value, an annotation, an error. It is plain, and
escaped when it is written.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from jinja2 import Environment
from markupsafe import Markup

from ops import pages
from ops.numbers import NOTHING

LONGEST = 400
"""Characters of one text; label values and errors can be of any length."""
# Control characters, and those that reverse the direction of the text around them.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")
# Markdown's markup: an underscore inside a word is plain text, the others mark text anywhere.
_SPECIAL = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")
# The starts of a line that make it a list item, a heading or an underline.
_STARTS_BLOCK = re.compile(r"^(\d*)([.)+]|#+|-+|=+)(?=\s|$)")


def clean(text: str) -> str:
    """The text on one line, without invisible characters, cut at LONGEST characters."""
    plain = re.sub(" +", " ", _INVISIBLE.sub(" ", text)).strip(" ")
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


@dataclass(frozen=True)
class Part:
    """One line of a cell. `tone` is good, warn, bad, muted or ""; `code` shows it as code.

    An `href` comes from an annotation; one that is not an http or https address is dropped.
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
    """A cell of these lines; a dash if there are none."""
    made = tuple(Part(part, tone) if isinstance(part, str) else part for part in parts)
    return made or (Part(NOTHING, "muted"),)


def code(text: str, tone: str = "", href: str = "") -> Part:
    """A name or number, shown as code."""
    return Part(text, tone, True, href)


@dataclass(frozen=True)
class Table:
    """A table; `empty` is the text that replaces one without rows."""

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
    """Charts, side by side."""

    figures: Sequence[Figure]


Block = Table | Items | Figures


@dataclass(frozen=True)
class Section:
    """A section; `unavailable` lists the reasons why facts that it needs are missing."""

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


def html(document: Document) -> str:
    """The document as one HTML page that needs no other file."""
    template = _environment().get_template("report.html.j2")
    return template.render(document=document, css=pages.stylesheet("report.css"))


def markdown(document: Document) -> str:
    """The document in GitHub's Markdown, with numbers in place of charts."""
    text = _environment().get_template("report.md.j2").render(document=document)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape_markdown(text: str) -> str:
    """Escape markup, HTML and the end of a table's cell, so that Markdown shows the plain text."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _STARTS_BLOCK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", plain))


def _environment() -> Environment:
    environment = pages.environment()
    environment.filters |= {"md": escape_markdown, "mdpart": _markdown_part, "kind": _kind}
    return environment


def _markdown_part(part: Part) -> str:
    """One line of a cell, as code, a link, or text; bad news is bold."""
    # A backtick would end the code, and a pipe ends the cell even inside code.
    if part.code and not re.search(r"[`|]", part.text):
        shown = f"`{part.text}`"
    else:
        shown = escape_markdown(part.text)
    if part.href:
        shown = f"[{shown}](<{quote(part.href, safe=':/?#@!$&+,;=%~.-_')}>)"
    return f"**{shown}**" if part.tone == "bad" else shown


def _kind(block: Block) -> str:
    """The name of the block's class, by which the templates tell blocks apart."""
    return type(block).__name__
