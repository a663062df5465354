"""The HTTP API of Grafana: the parts that the operator's commands use."""

import configparser
from datetime import datetime
from typing import Any

from pydantic import Field

from ops.http_api import Answer, HttpApi, Labels
from ops.manifests import Manifests, ManifestsError

GRAFANA = "grafana"
"""The name of its workload and of its ConfigMap."""
ENDPOINTS_UID = "vaultmesh-endpoints"
"""The uid of the dashboard that shows what Route 53's checkers measure."""
_REGION = "Region"


class _Found(Answer):
    """A dashboard in the answer to a search."""

    uid: str
    title: str


class _Panel(Answer):
    """A panel; `targets` are its queries."""

    targets: list[dict[str, Any]] = Field(default_factory=list)


class _Column(Answer):
    labels: Labels = Field(default_factory=dict)


class _Schema(Answer):
    name: str = ""
    fields_: list[_Column] = Field(alias="fields")


class _Data(Answer):
    values: list[list[Any]]


class _Frame(Answer):
    """A table of data: its columns, and the values of each."""

    schema_: _Schema = Field(alias="schema")
    data: _Data

    @property
    def region(self) -> str:
        """The region of the values, which Grafana keeps as a label or as the series' name."""
        named = (column.labels.get(_REGION) for column in self.schema_.fields_)
        return next(filter(None, named), self.schema_.name)

    @property
    def has_value(self) -> bool:
        """Whether a column after the first, which holds the times, has a value."""
        return any(value is not None for column in self.data.values[1:] for value in column)


class _Result(Answer):
    frames: list[_Frame] = Field(default_factory=list)


class Grafana(HttpApi):
    """A client of Grafana's API. Every method may raise ApiError."""

    name = "Grafana"

    def __init__(self, address: str, domain: str = "", **options: Any) -> None:
        """`domain` is the host name that Grafana insists on, or empty."""
        headers = {"Host": domain} if domain else {}
        super().__init__(address, headers=headers, **options)

    def dashboards(self) -> dict[str, str]:
        """The titles of all dashboards by their uids."""
        answer = self.call("GET", "/api/search", params={"type": "dash-db", "limit": "5000"})
        return {one.uid: one.title for one in self.parse(list[_Found], answer)}

    def panels(self, uid: str) -> int:
        """The number of panels of a dashboard."""
        return len(self._panels(uid))

    def reach(self, uid: str) -> str:
        """Let Grafana query the data source; returns its message. Raises ApiError if it can't."""
        return self.parse(str, self.call("GET", f"/api/datasources/uid/{uid}/health"), "message")

    def checker_regions(self, start: datetime, end: datetime) -> list[str]:
        """The regions from which Route 53's checkers measured something in this time.

        Grafana runs the queries of its own dashboard Endpoints, which must exist.
        """
        queries = [
            {**target, "refId": f"q{number}", "intervalMs": 60_000, "maxDataPoints": 100}
            for number, target in enumerate(
                target
                for panel in self._panels(ENDPOINTS_UID)
                for target in panel.targets
                if _REGION in (target.get("dimensions") or {})
            )
        ]
        times = {"from": _milliseconds(start), "to": _milliseconds(end)}
        answer = self.call("POST", "/api/ds/query", json={"queries": queries, **times})
        results = self.parse(dict[str, _Result], answer, "results")
        frames = (frame for result in results.values() for frame in result.frames)
        return sorted({frame.region for frame in frames if frame.region and frame.has_value})

    def _panels(self, uid: str) -> list[_Panel]:
        answer = self.call("GET", f"/api/dashboards/uid/{uid}")
        return self.parse(list[_Panel], answer, "dashboard", "panels")


def domain_of(manifests: Manifests) -> str:
    """The host name that Grafana insists on in requests; empty if it takes any.

    Raises ManifestsError.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(manifests.config_maps[GRAFANA]["grafana.ini"])
        if parser.getboolean("server", "enforce_domain", fallback=False):
            return parser.get("server", "domain")
    except (KeyError, ValueError, configparser.Error):
        raise ManifestsError(
            f"ConfigMap {GRAFANA}: has no grafana.ini that can be read. Run `make up`."
        ) from None
    return ""


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
