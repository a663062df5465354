"""Reads and checks the repository's rules and dashboards for one environment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.routing import SEVERITIES
from dashboards.catalog import Dashboard, all_dashboards
from problems import Problems
from promql.variables import without_variables
from rules.rule import WATCHDOG
from rules.rulebook import Rulebook, load_rulebook
from rules.slo.objectives import SloOptions

ROOT = Path(__file__).resolve().parent.parent
IDLE_ALERT = "TreatyNoRequests"
"""The alert that idle windows mute; no other alert depends on expected traffic."""
PAGE_LOST = "AlertmanagerNotificationsFailing"
"""The alert about a channel that fails; while pages are lost, it stops the heartbeat outside."""
DASHBOARD_GATE = 200 * 1024
"""Largest dashboard, in bytes: larger ones are unreadable. It is well below the 256 KiB limit of
the annotation in which `kubectl apply` keeps the object."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """The rules that could be read, and the dashboards built from them."""

    rulebook: Rulebook
    boards: tuple[Dashboard, ...]


def read_files(
    overrides: Mapping[str, Mapping[str, str | float]],
    runbook_base_url: str,
    slo_options: SloOptions,
    problems: Problems,
) -> Files:
    """Read rules and dashboards, and report all their problems.

    All arguments but `problems` come from the settings.
    """
    rulebook = load_rulebook(
        ROOT,
        severities=SEVERITIES,
        overrides=overrides,
        runbook_base_url=runbook_base_url,
        slo_options=slo_options,
        problems=problems,
    )
    if rulebook.complete:
        check_alerts(rulebook, problems)
    boards = all_dashboards(rulebook, problems)
    for board in boards:
        check_size(board.source, [board.json], DASHBOARD_GATE, problems)
        for place, query in board.queries:
            if reason := rulebook.check_query(without_variables(query)):
                problems.add(board.source, 0, f"query of {place!r}: {reason}")
    return Files(rulebook=rulebook, boards=boards)


def check_alerts(rulebook: Rulebook, problems: Problems) -> None:
    """Report each alert that a route names but no rule file defines."""
    names = {alert.name for alert in rulebook.alerts}
    for alert, purpose in (
        (WATCHDOG, "which always fires and shows that alerting works"),
        (IDLE_ALERT, "which idleWindows mute"),
        (PAGE_LOST, "which stops the heartbeat outside"),
    ):
        if alert not in names:
            problems.add("rules", 0, f"there is no alert {alert}, {purpose}. Restore it.")


def check_size(place: str, texts: Iterable[str], gate: int, problems: Problems) -> None:
    """Report texts whose total size exceeds `gate`, in bytes."""
    size = sum(len(text.encode()) for text in texts)
    if size > gate:
        problems.add(place, 0, f"{size} bytes, over the gate of {gate}. Split it or shorten it.")
