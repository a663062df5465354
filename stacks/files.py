"""The repository's rules and dashboards, read and checked for one environment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.alertmanager_config import SEVERITIES
from dashboards.catalog import Dashboard, all_dashboards
from problems import Problems
from promql.variables import without_variables
from rules.rule import WATCHDOG
from rules.rulebook import Rulebook, load_rulebook

ROOT = Path(__file__).resolve().parent.parent
IDLE_ALERT = "TreatyNoRequests"
"""The alert that idle windows mute; all other alerts mean the same at any time."""
DASHBOARD_GATE = 200 * 1024
"""Largest dashboard, in bytes: a larger one is no longer readable, and this is well below the
256 KiB that `kubectl apply` can keep in an annotation."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """The rules and the dashboards that belong to them, as far as they could be read."""

    rulebook: Rulebook
    boards: tuple[Dashboard, ...]


def read_files(
    overrides: Mapping[str, Mapping[str, str | float]], runbook_base_url: str, problems: Problems
) -> Files:
    """Read rules and dashboards; note everything that is wrong with them.

    `overrides` and `runbook_base_url` are those of the settings.
    """
    rulebook = load_rulebook(
        ROOT,
        severities=SEVERITIES,
        overrides=overrides,
        runbook_base_url=runbook_base_url,
        problems=problems,
    )
    if rulebook.complete:
        check_alerts(rulebook, problems)
    boards = all_dashboards(rulebook, problems)
    for board in boards:
        check_size(board.source, [board.json], DASHBOARD_GATE, problems)
        for place, query in board.queries:
            if reason := rulebook.check_query(without_variables(query)):
                problems.add(board.source, 0, f"{place!r}: {reason}")
    return Files(rulebook=rulebook, boards=boards)


def check_alerts(rulebook: Rulebook, problems: Problems) -> None:
    """Note each alert that routes are made for and no rule file has."""
    names = {alert.name for alert in rulebook.alerts}
    for alert, purpose in (
        (WATCHDOG, "the heartbeat, whose silence is an alarm"),
        (IDLE_ALERT, "the alert that idleWindows mute"),
    ):
        if alert not in names:
            problems.add("rules", 0, f"there is no alert {alert}, {purpose}. Restore it.")


def check_size(place: str, texts: Iterable[str], gate: int, problems: Problems) -> None:
    """Note texts that are too large together; `gate` is in bytes."""
    size = sum(len(text.encode()) for text in texts)
    if size > gate:
        problems.add(place, 0, f"{size} bytes, over the gate of {gate}. Split it or shorten it.")
