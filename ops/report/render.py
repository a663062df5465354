"""Writes a document as Markdown and as HTML."""

import re
from urllib.parse import quote

from jinja2 import Environment

from ops import pages
from ops.report.document import Block, Document, Part

# An underscore inside a word is only an underscore; the rest marks something anywhere.
_SPECIAL = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")
# What makes a list, a heading or a line of what it starts.
_STARTS_BLOCK = re.compile(r"^(\d*)([.)+]|#+|-+|=+)(?=\s|$)")


def html(document: Document) -> str:
    """One page that needs nothing besides itself."""
    template = _environment().get_template("report.html.j2")
    return template.render(document=document, css=pages.stylesheet("report.css"))


def markdown(document: Document) -> str:
    """GitHub's Markdown; of charts, the numbers."""
    text = _environment().get_template("report.md.j2").render(document=document)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _environment() -> Environment:
    environment = pages.environment()
    environment.filters |= {"md": escaped, "mdpart": _part, "kind": _kind}
    return environment


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no end of a table's cell."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _STARTS_BLOCK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", plain))


def _part(part: Part) -> str:
    """One line of a cell, as code, a link, or text; what is bad is bold."""
    # A backtick would end the code, and a pipe is the table's even there.
    if part.code and not re.search(r"[`|]", part.text):
        shown = f"`{part.text}`"
    else:
        shown = escaped(part.text)
    if part.href:
        shown = f"[{shown}](<{quote(part.href, safe=':/?#@!$&+,;=%~.-_')}>)"
    return f"**{shown}**" if part.tone == "bad" else shown


def _kind(block: Block) -> str:
    """The name of the block's class, by which templates tell blocks apart."""
    return type(block).__name__
