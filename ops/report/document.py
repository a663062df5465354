"""The parts of a report, and their rendering as Markdown and HTML.

Texts are untrusted: label values, annotations and errors. They are kept plain and escaped on
output.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from unicodedata import category
from urllib.parse import quote, urlsplit

from jinja2 import Environment
from markupsafe import Markup

from ops import pages
from ops.numbers import NOTHING
from problems import without_userinfo

LONGEST = 400
"""Length limit of a text; label values and errors can be of any length."""
# Markdown's markup. An underscore inside a word is plain text; the others work anywhere.
_SPECIAL = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")
# Line starts that make a list item, a heading or an underline.
_STARTS_BLOCK = re.compile(r"^(\d*)([.)+]|#+|-+|=+)(?=\s|$)")


def plain(text: str) -> str:
    """The text as one line without invisible characters, and without users and passwords in URLs.

    These are control characters, marks that change the direction of the text around them, and lone
    surrogates, which no file can hold. All kinds of space stay, but not what ends a line or page.
    """
    return re.sub(" +", " ", _visible(text)).strip(" ")


def clean(text: str) -> str:
    """The plain text, of at most LONGEST characters."""
    line = plain(text)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _visible(text: str) -> str:
    visible = (one if one.isprintable() or category(one) == "Zs" else " " for one in text)
    return without_userinfo("".join(visible))


@dataclass(frozen=True)
class Part:
    """One line of a cell. `tone` is good, warn, bad, muted or ""; `code` shows it as code.

    `href` comes from an annotation; it is dropped unless it is an http or https URL.
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
    """Make a cell of these lines, or of a dash if there are none."""
    made = tuple(Part(part, tone) if isinstance(part, str) else part for part in parts)
    return made or (Part(NOTHING, "muted"),)


def code(text: str, tone: str = "", href: str = "") -> Part:
    """Make a part that is shown as code."""
    return Part(text, tone, True, href)


@dataclass(frozen=True)
class Table:
    """A table; `empty` is the text to show if there are no rows."""

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
    """A section; `unavailable` lists the reasons for missing facts."""

    id: str
    title: str
    intro: str = ""
    blocks: Sequence[Block] = ()
    unavailable: Sequence[str] = ()


@dataclass(frozen=True)
class Tile:
    """A key figure at the top of the report."""

    label: str
    value: str
    tone: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Document:
    """The whole report; `verdict` says in one line how the platform is."""

    title: str
    verdict: Part
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
    """Render the document as one self-contained HTML page."""
    environment = _environment()
    # Everything that the page shows passes here, whichever part of the document it is.
    environment.finalize = _visible_unless_markup
    template = environment.get_template("report.html.j2")
    return template.render(document=document, css=pages.stylesheet("report.css"))


def markdown(document: Document) -> str:
    """Render the document as GitHub-flavoured Markdown, with tables in place of charts."""
    text = _environment().get_template("report.md.j2").render(document=document)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape_markdown(text: str) -> str:
    """Escape Markdown, HTML and pipes, so that the plain text appears literally."""
    escaped = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _STARTS_BLOCK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", escaped))


def _environment() -> Environment:
    environment = pages.environment()
    environment.filters |= {"md": escape_markdown, "mdpart": _markdown_part, "kind": _kind}
    return environment


def _visible_unless_markup(value: object) -> object:
    return _visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _markdown_part(part: Part) -> str:
    """Render a part as code, a link or text; the tone `bad` is bold."""
    # A backtick would end the code; a pipe would end the cell, even inside code.
    if part.code and not re.search(r"[`|]", part.text):
        shown = f"`{part.text}`"
    else:
        shown = escape_markdown(part.text)
    if part.href:
        shown = f"[{shown}](<{quote(part.href, safe=':/?#@!$&+,;=%~.-_')}>)"
    return f"**{shown}**" if part.tone == "bad" else shown


def _kind(block: Block) -> str:
    """The block's class name; the templates use it to distinguish blocks."""
    return type(block).__name__
