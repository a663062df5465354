"""All dashboards, built from this repository's rules."""

import json
from collections.abc import Mapping
from typing import Any

from dashboards.catalog import Dashboard, all_dashboards
from problems import Problems
from rules.rulebook import Rulebook
from tests.support.series import rulebook


def build(rulebook: Rulebook) -> tuple[Dashboard, ...]:
    """Build all dashboards with the alerts and objectives of a rulebook.

    Raises problems.Refused if a panel can't show an alert that it names.
    """
    problems = Problems()
    boards = all_dashboards(rulebook, problems)
    problems.refuse_if_any()
    return boards


def panels_of(board: Dashboard) -> list[dict[str, Any]]:
    """The panels of a dashboard's JSON, without the headings."""
    return [panel for panel in json.loads(board.json)["panels"] if panel["type"] != "row"]


BOARDS = {board.filename: board for board in build(rulebook())}
MODELS: Mapping[str, dict[str, Any]] = {n: json.loads(board.json) for n, board in BOARDS.items()}
PANELS = {name: panels_of(board) for name, board in BOARDS.items()}
"""The panels of each dashboard by file name."""
