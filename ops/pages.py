"""The self-contained HTML pages: their templates and styles, and screenshots of them.

The browser of the tests takes the screenshots, as small PNG files.
"""

import base64
import json
import re
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from problems import one_line
from toolchain import browser

TEMPLATES = Path(__file__).parent / "templates"
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""Options for a browser that opens one page, sends no other request, and can run as root."""
COLOURS = 224
"""Palette size: enough for the flat colours and the anti-aliased edges of text."""
TIMEOUT_SECONDS = 120
"""Time limit for one run of the browser, including its start."""


class BrowserError(Exception):
    """The page can't be photographed; the message is one line that says why."""


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


def find_browser() -> str:
    """The path of the browser. Raises BrowserError if there is none."""
    if program := browser.find():
        return program
    raise BrowserError(
        f"No browser is found to draw pictures with. Install {browser.PACKAGE} (Debian, as root: "
        f"apt-get install {browser.PACKAGE})."
    )


def photograph(page: str, path: Path, width: int, height: int) -> None:
    """Write a screenshot of an HTML page as a PNG of `width` x `height` pixels; deterministic.

    Raises BrowserError and OSError.
    """
    program = find_browser()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "picture.png")
        size = ("--hide-scrollbars", f"--window-size={width},{height}")
        said = _browse(program, page, Path(folder), *size, f"--screenshot={picture}")
        if not picture.is_file():
            raise BrowserError(f"{program} has drawn no picture. {one_line(said[-200:])}")
        template = environment().get_template("palette.html.j2")
        encoded = base64.b64encode(picture.read_bytes()).decode()
        reduce = template.render(picture=encoded, colours=COLOURS)
        reduced = _browse(program, reduce, Path(folder), "--dump-dom")
    found = re.search(r"\{.*\}(?=</body>)", reduced)
    if not found:
        raise BrowserError(f"{program} has not reduced the colours of the picture.")
    parts = {name: base64.b64decode(text) for name, text in json.loads(found[0]).items()}
    path.write_bytes(_indexed_png(width, height, parts["palette"], parts["pixels"]))


def _browse(program: str, page: str, folder: Path, *options: str) -> str:
    """Open the page, and return what the browser wrote to stdout."""
    source = folder / "page.html"
    source.write_text(page, encoding="utf-8")
    # Use a new profile each time: an earlier browser may still hold its lock.
    profile = tempfile.mkdtemp(prefix="profile-", dir=folder)
    command = [program, *OPTIONS, f"--user-data-dir={profile}", *options, source.as_uri()]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
        )
    except subprocess.TimeoutExpired:
        raise BrowserError(f"{program} took longer than {TIMEOUT_SECONDS} s.") from None
    except subprocess.CalledProcessError as error:
        last = one_line(error.stderr[-200:])
        raise BrowserError(f"{program} ended with code {error.returncode}: {last}") from None
    return done.stdout


def _indexed_png(width: int, height: int, palette: bytes, pixels: bytes) -> bytes:
    """Encode an indexed PNG; `pixels` are indices into a palette of RGB colours."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    # Each row starts with its PNG filter type; 0 is none.
    rows = (pixels[at : at + width] for at in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", palette)
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 9))
        + chunk(b"IEND", b"")
    )
