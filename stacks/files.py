"""The repository's rules and dashboards, read and checked for one environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.alertmanager_config import SEVERITIES
from dashboards.catalog import Dashboard, all_dashboards
from problems import Problems
from promql.variables import without_variables
from rules.rulebook import Rulebook, load_rulebook

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Files:
    """The rules and the dashboards that belong to them."""

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
    # A panel may name an alert of a file that could not be read.
    boards = all_dashboards(rulebook, problems if rulebook.complete else Problems())
    for board in boards:
        for place, query in board.queries:
            if reason := rulebook.check_query(without_variables(query)):
                problems.add(board.source, 0, f"{place!r}: {reason}")
    return Files(rulebook=rulebook, boards=boards)
