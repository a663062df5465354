"""Whether an alert has a runbook that says something."""

import re
from pathlib import Path

from problems import Problems
from rules.files import read_text

FOLDER = "docs/runbooks"
_UNWRITTEN = re.compile(r"\b(?:TODO|TBD|FIXME|(?i:placeholder|lorem ipsum|coming soon))\b")


def wrong_with_runbook(root: Path, alert: str, problems: Problems) -> str | None:
    """Why the alert is without a runbook, if it is; a page that is there but empty is noted."""
    page = f"{FOLDER}/{alert}.md"
    if not (root / page).is_file():
        return f"{alert} has no runbook. Write {page}."
    text = read_text(root, page, problems)
    if text is None:
        return None
    body = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not body:
        problems.add(page, 0, f"is empty. Write what to do when {alert} fires.")
    elif unwritten := _UNWRITTEN.search(text):
        line = text.count("\n", 0, unwritten.start()) + 1
        problems.add(page, line, f"still says {unwritten[0]}. Write what to do instead.")
    return None
