"""The file of notification templates, checked for what would keep Alertmanager from notifying."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from problems import Problems
from rules.reader import read_text
from templates.alertmanager import check_notifications

FILE = "rules/notifications.tmpl"


def load_notifications(root: Path, receivers: Iterable[str], problems: Problems) -> str:
    """The text of the templates; reports what keeps them, or the receivers' texts, from working."""
    text = read_text(root, FILE, problems)
    if text is None:
        return ""
    for mistake in check_notifications(text, receivers):
        at = mistake.position
        problems.add(FILE, 0 if at is None else text.count("\n", 0, at) + 1, mistake.text)
    return text


def receivers_texts(receivers: Iterable[Mapping[str, Any]]) -> list[str]:
    """The texts of an Alertmanager configuration's receivers that Alertmanager executes."""
    return list(dict.fromkeys(text for text in _texts(list(receivers)) if "{{" in text))


def _texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _texts(value)
