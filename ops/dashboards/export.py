"""Dashboards for another Grafana: on import it asks which of its data sources they shall ask."""

import json
from typing import Any

from ops.dashboards.boards import Json

INPUT = "DS_PROMETHEUS"
KIND = "prometheus"


def for_import(model: Json) -> str:
    """The JSON of a dashboard, its data source left open; the uid stays, and so links to it do."""
    opened = {
        **_open(model),
        # Elsewhere it is no longer what a repository holds, and may be changed by hand.
        "editable": True,
        "__inputs": [
            {
                "name": INPUT,
                "label": "Prometheus",
                "description": "The Prometheus that scrapes the platform.",
                "type": "datasource",
                "pluginId": KIND,
                "pluginName": "Prometheus",
            }
        ],
    }
    return json.dumps(opened, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _open(value: Any) -> Any:
    """The same with every reference to a Prometheus data source left open."""
    if isinstance(value, list):
        return [_open(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == KIND and "uid" in value:
        return {**value, "uid": f"${{{INPUT}}}"}
    return {key: _open(item) for key, item in value.items()}
