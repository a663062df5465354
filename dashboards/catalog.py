"""Builds all dashboards as the JSON that Grafana loads, and lists their queries."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from pydantic_core import to_json

from dashboards.aurora_kpis import aurora_kpis
from dashboards.endpoints import endpoints
from dashboards.frame import Board
from dashboards.platform import platform
from dashboards.psi_field import psi_field
from dashboards.scheduler import scheduler
from dashboards.slos import slo_board
from dashboards.synthetics import synthetics
from dashboards.workloads import workloads
from problems import Problems
from rules.rule import Alert
from rules.rulebook import Rulebook


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard.

    `source` is the Python file that declares it, `filename` the JSON file that Grafana loads.
    `json` is the same, byte for byte, whenever it is built from the same rulebook. `queries` are
    pairs of a place (a panel's title, `variable NAME` or `annotation NAME`) and an expression,
    which still contains Grafana's variables. Queries of CloudWatch are not among them. `alerts` are
    the alerts that its panels name.
    """

    uid: str
    title: str
    source: str
    filename: str
    json: str
    queries: tuple[tuple[str, str], ...]
    alerts: frozenset[str] = frozenset()


def all_dashboards(rulebook: Rulebook, problems: Problems) -> tuple[Dashboard, ...]:
    """Build every dashboard, with the alerts and objectives of the rulebook.

    Reports each alert that no panel names and, if the rulebook is complete, each panel that can't
    show an alert it names.
    """
    boards = (
        psi_field(),
        aurora_kpis(),
        scheduler(),
        synthetics(),
        platform(),
        workloads(),
        slo_board(rulebook.slos, rulebook.slo_period),
    )
    alerts = {alert.name: alert for alert in rulebook.alerts}
    # An alert may be missing, or have no threshold, only because its rule could not be read.
    for board in boards if rulebook.complete else ():
        for panel in board.panels:
            for mistake in panel.mistakes(alerts):
                problems.add(board.source, 0, f"panel {panel.title!r}: {mistake}")
    for name in alerts.keys() - frozenset().union(*(board.alerts for board in boards)):
        advice = "Name it in the `alerts` of the panel that shows what it watches."
        problems.add("dashboards", 0, f"no panel belongs to the alert {name}. {advice}")
    return tuple(_encode(board, alerts) for board in boards)


def endpoints_dashboard(names: Sequence[str], region: str) -> Dashboard:
    """The dashboard of a stack's public endpoints; placeholders stand for IDs of health checks."""
    return _encode(endpoints(names, region), {})


def _encode(board: Board, alerts: Mapping[str, Alert]) -> Dashboard:
    built = board.build(alerts).build()
    # The json module indents in Python code, one token at a time; pydantic_core does not.
    model = json.loads(json.dumps(built, cls=JSONEncoder, sort_keys=True))
    return Dashboard(
        uid=board.uid,
        title=board.title,
        source=board.source,
        filename=board.filename,
        json=to_json(model, indent=2).decode() + "\n",
        queries=tuple(_queries(model)),
        alerts=board.alerts,
    )


def _queries(model: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in model["panels"]:
        for target in panel.get("targets", ()):
            if "expr" in target:
                yield panel["title"], target["expr"]
    for variable in model["templating"]["list"]:
        yield f"variable {variable['name']}", variable["query"]
    for annotation in model["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["target"]["expr"]
