"""The dashboard "Platform" shows what each alert on the monitoring watches."""

import json

import pytest

from tests.support.boards import BOARDS
from tests.support.series import ROOT, alerts, names

PANELS = json.loads(BOARDS["platform.json"].json)["panels"]
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
