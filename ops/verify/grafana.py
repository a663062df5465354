"""Whether Grafana has the stack's dashboards, and reaches its data sources."""

from collections.abc import Iterator, Mapping
from typing import Any

from ops.grafana_api import GRAFANA, Grafana
from ops.http_api import ApiError
from ops.manifests import Manifests, load_yaml
from ops.verify.rows import Row, judge, red

DASHBOARDS, SOURCES = "dashboards", "data sources"
_SOURCE_FILES = "provisioning_datasources_"
"""How the ConfigMap's keys of files with data sources begin."""


def check_grafana(manifests: Manifests, grafana: Grafana) -> Iterator[Row]:
    """A row for each dashboard and each data source of the stack."""
    try:
        listed = grafana.dashboards()
    except ApiError as error:
        yield red(
            DASHBOARDS,
            GRAFANA,
            str(error),
            "HTTP 401: run `kubectl rollout restart deployment/grafana`, so that it takes the"
            " password of the stack; else docs/runbooks/GrafanaDown.md",
        )
        return
    for board in manifests.dashboards.values():
        yield judge(
            DASHBOARDS,
            board["title"],
            f"{len(board['panels'])} panels",
            _dashboard_problem(board, listed, grafana),
            "wait a minute; then `kubectl logs deployment/grafana` names the fault in the file",
        )
    for uid, name in _data_sources(manifests).items():
        try:
            message, problem = grafana.reach(uid), None
        except ApiError as error:
            message, problem = "", str(error)
        remedy = "`kubectl logs deployment/grafana` names the cause; docs/runbooks/GrafanaDown.md"
        yield judge(SOURCES, name, message, problem, remedy)


def _dashboard_problem(
    board: Mapping[str, Any], listed: Mapping[str, str], grafana: Grafana
) -> str | None:
    uid = board["uid"]
    if uid not in listed:
        return f"Grafana does not have it (uid {uid})"
    if listed[uid] != board["title"]:
        return f"Grafana calls it {listed[uid]}"
    try:
        panels = grafana.panels(uid)
    except ApiError as error:
        return str(error)
    wanted = len(board["panels"])
    return None if panels == wanted else f"it has {panels} panels, the stack's has {wanted}"


def _data_sources(manifests: Manifests) -> dict[str, str]:
    """The names of the provisioned data sources by their uids."""
    return {
        source["uid"]: source["name"]
        for key, text in manifests.config_maps[GRAFANA].items()
        if key.startswith(_SOURCE_FILES)
        for source in load_yaml(text)["datasources"]
    }
