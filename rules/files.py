"""Which rule files there are, and their text."""

import re
from pathlib import Path

from problems import Problems

ALERTS = "rules/alerts"
PLATFORM = "rules/platform"
SLOS = "rules/slos"
RECORDS = "rules/recording-rules.yaml"
METRICS = "rules/metrics.yaml"
MAX_BYTES = 200 * 1024  # the gate of a ConfigMap, into which every rule file must fit
_YAML_LIKE = {".yaml", ".yml", ".json", ".rules"}
# Anything that YAML does not call printable, or takes for a line break that no editor shows.
_ODD = re.compile(
    "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def alert_files(root: Path, problems: Problems) -> list[str]:
    """The alert files, relative to root and sorted; notes every file that would be passed over.

    Those in PLATFORM are about the monitoring itself, and may hold recording rules too.
    """
    found = []
    for path in sorted((root / "rules").rglob("*")):
        file = path.relative_to(root).as_posix()
        if path.suffix.lower() not in _YAML_LIKE or path.is_dir() or file in (RECORDS, METRICS):
            continue
        if path.suffix == ".yaml" and path.parent in (root / ALERTS, root / PLATFORM):
            found.append(file)
        elif path.parent == root / SLOS:
            if path.suffix != ".yaml":
                problems.add(file, 0, "is never loaded. Objectives end in .yaml: rename it.")
        else:
            problems.add(file, 0, f"is never loaded. Alerts go into {ALERTS}/<name>.yaml: move it.")
    if not any(file.startswith(ALERTS) for file in found):
        problems.add(ALERTS, 0, "holds no alert file. Put one there, named <name>.yaml.")
    return found


def slo_files(root: Path) -> list[str]:
    """The files of objectives, relative to root and sorted."""
    return [path.relative_to(root).as_posix() for path in sorted((root / SLOS).glob("*.yaml"))]


def read_text(root: Path, file: str, problems: Problems) -> str | None:
    """Read a file of UTF-8 text, or note why not and return None."""
    try:
        with (root / file).open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problems.add(file, 0, f"can't be read ({reason}). Put a readable file there.")
        return None
    if len(raw) > MAX_BYTES:
        problems.add(file, 0, f"is larger than {MAX_BYTES // 1024} KiB. Split it.")
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(file, line, "not UTF-8 text. Save the file as UTF-8.")
        return None
    if odd := _ODD.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        problems.add(file, line, f"has the character U+{ord(odd[0]):04X}. Remove it.")
        return None
    return text
