"""Templates and styles of the HTML pages, each of which needs no other file."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Environment:
    """Load templates; text that they put into HTML is escaped."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def stylesheet(name: str) -> Markup:
    """The colours and charts that all pages share, then the styles of one page."""
    texts = (TEMPLATES / file for file in ("charts.css", name))
    return Markup("".join(path.read_text(encoding="utf-8") for path in texts))  # noqa: S704
