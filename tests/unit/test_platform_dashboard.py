"""The dashboard "Platform" shows what each alert on the monitoring watches."""

import json

import pytest

from dashboards.catalog import all_dashboards
from tests.unit.series import ROOT, alerts, names, runbooks, thresholds

BOARDS = all_dashboards(thresholds(), runbooks=runbooks())
(BOARD,) = (board for board in BOARDS if board.filename == "platform.json")
PANELS = json.loads(BOARD.json)["panels"]
FILES = ("prometheus", "alertmanager", "targets")


def watched() -> list[str]:
    """The alerts on the servers and on what they scrape."""
    texts = [(ROOT / f"rules/platform/{name}.yaml").read_text() for name in FILES]
    return [name for name in alerts() for text in texts if f"- alert: {name}\n" in text]


@pytest.mark.parametrize("alert", watched())
def test_an_alert_on_the_monitoring_has_a_panel_that_shows_what_it_watches(alert: str) -> None:
    panels = [panel for panel in PANELS if alert in panel.get("description", "")]
    assert panels, f"no panel of dashboards/platform.py names {alert} in its description: add one"
    shown = set().union(*(names(target["expr"]) for p in panels for target in p["targets"]))
    missing = names(alerts()[alert]["expr"]) - shown
    assert not missing, f"no panel that names {alert} shows {missing}: add it"
