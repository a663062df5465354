"""All dashboards, as the JSON that Grafana loads, with the queries that are in it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import aurora_kpis, psi_field, scheduler, slos, synthetics
from dashboards.bands import Thresholds
from dashboards.panels import DATASOURCE_UID
from dashboards.slos import Slo
from dashboards.variables import without_variables

__all__ = ["DATASOURCE_UID", "Dashboard", "Slo", "all_dashboards", "without_variables"]


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard.

    `source` is the Python file that builds it, `filename` the JSON file that Grafana loads.
    `json` is the same text, byte for byte, whenever it is built from the same thresholds.
    `queries` pairs where an expression stands (a panel's title, `variable NAME` or
    `annotation NAME`) with the expression, variables and all.
    """

    uid: str
    title: str
    source: str
    filename: str
    json: str
    queries: tuple[tuple[str, str], ...]


def all_dashboards(thresholds: Thresholds, objectives: Sequence[Slo] = ()) -> tuple[Dashboard, ...]:
    """Build every dashboard, with the thresholds, by alert and threshold name, drawn in.

    `objectives` are those that the dashboard of SLOs shows.

    Raises ValueError, naming alert and threshold, if one that a panel shows is missing.
    """
    modules = (psi_field, aurora_kpis, scheduler, synthetics)
    return (
        *(
            _encode(
                f"{module.__name__.replace('.', '/')}.py", module.FILENAME, module.build(thresholds)
            )
            for module in modules
        ),
        _encode("dashboards/slos.py", slos.FILENAME, slos.build(thresholds, objectives)),
    )


def _encode(source: str, filename: str, builder: Builder) -> Dashboard:
    text = json.dumps(
        builder.build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False
    )
    model = json.loads(text)
    return Dashboard(
        uid=model["uid"],
        title=model["title"],
        source=source,
        filename=filename,
        json=text + "\n",
        queries=tuple(_queries(model)),
    )


def _queries(model: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in model["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in model["templating"]["list"]:
        yield f"variable {variable['name']}", variable["query"]
    for annotation in model["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["target"]["expr"]
