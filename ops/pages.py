"""Templates and styles of the self-contained HTML pages."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Environment:
    """A Jinja environment for ops/templates; it escapes text in HTML."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def stylesheet(name: str) -> Markup:
    """charts.css, which all pages share, followed by the styles of one page."""
    texts = (TEMPLATES / file for file in ("charts.css", name))
    return Markup("".join(path.read_text(encoding="utf-8") for path in texts))  # noqa: S704
