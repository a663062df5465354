"""Opens a page in a real browser, in a frame of a given width, and takes measurements."""

import html
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import pages
from tests.support.report.report_pods import serve_texts
from toolchain.browser import find

MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")
OPTIONS = (*pages.OPTIONS, "--enable-logging=stderr", "--virtual-time-budget=2000")
DARK = "--blink-settings=preferredColorScheme=0"


@dataclass(frozen=True)
class Seen:
    """The measurements, the console's lines, and the paths that the browser requested."""

    measured: dict[str, Any]
    console: list[str]
    asked: list[str]


def measure_page(page: str, width: int, profile: Path, *options: str) -> Seen:
    """Open the page in a frame of `width` pixels; `profile` is a new folder."""
    browser = find()
    assert browser, "no browser is found: run `make test`, which sees to it"
    # The browser's own window can't be as narrow as a phone; a frame can.
    frame = f"""<!doctype html><link rel="icon" href="data:,"><body style="margin:0">
<iframe src="/page.html" style="border:0;width:{width}px;height:900px"></iframe>
<script>{MEASURE}</script>"""
    asked: list[str] = []
    with serve_texts({"/": frame, "/page.html": page}, "text/html", asked) as address:
        own = [f"--user-data-dir={profile}", f"--window-size={max(width, 600)},900", *options]
        command = [browser, *OPTIONS, *own, "--dump-dom", f"http://{address}/"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout, re.DOTALL)
    assert title, f"nothing was measured: {done.stderr[-2000:]}"
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(json.loads(html.unescape(title[1])), console, asked)
