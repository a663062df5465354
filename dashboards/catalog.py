"""All dashboards, as the JSON that Grafana loads, with the queries that are in it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import aurora_kpis, platform, psi_field, scheduler, slos, synthetics
from dashboards.bands import Thresholds
from dashboards.panels import DATASOURCE_UID
from dashboards.runbooks import Runbooks, link_runbooks
from dashboards.slos import Slo
from promql.variables import without_variables

__all__ = ["DATASOURCE_UID", "Dashboard", "Slo", "all_dashboards", "without_variables"]


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard.

    `source` is the Python file that builds it, `filename` the JSON file that Grafana loads.
    `json` is the same text, byte for byte, whenever it is built from the same thresholds.
    `queries` pairs where an expression stands (a panel's title, `variable NAME` or
    `annotation NAME`) with the expression, variables and all. `alerts` are those that at least one
    of its panels belongs to.
    """

    uid: str
    title: str
    source: str
    filename: str
    json: str
    queries: tuple[tuple[str, str], ...]
    alerts: frozenset[str] = frozenset()


def all_dashboards(
    thresholds: Thresholds, *, runbooks: Runbooks, objectives: Sequence[Slo] = ()
) -> tuple[Dashboard, ...]:
    """Build every dashboard.

    The thresholds, by alert and threshold name, are drawn in, and each panel links the runbooks of
    the alerts that it belongs to. `objectives` are those that the dashboard of SLOs shows. Raises
    ValueError, in one line, if a threshold that a panel shows is missing, or if a panel misspells
    the name of an alert.
    """
    modules = (psi_field, aurora_kpis, scheduler, synthetics, platform)
    built = [(module.__name__, module.FILENAME, module.build(thresholds)) for module in modules]
    built.append((slos.__name__, slos.FILENAME, slos.build(thresholds, objectives)))
    return tuple(
        _encode(f"{name.replace('.', '/')}.py", filename, builder, runbooks)
        for name, filename, builder in built
    )


def _encode(source: str, filename: str, builder: Builder, runbooks: Runbooks) -> Dashboard:
    board = builder.build()
    alerts = frozenset(link_runbooks(board, runbooks))
    text = json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False)
    model = json.loads(text)
    return Dashboard(
        uid=model["uid"],
        title=model["title"],
        source=source,
        filename=filename,
        json=text + "\n",
        queries=tuple(_queries(model)),
        alerts=alerts,
    )


def _queries(model: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in model["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in model["templating"]["list"]:
        yield f"variable {variable['name']}", variable["query"]
    for annotation in model["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["target"]["expr"]
