"""Which dashboard shows what an alert is about: the first with a panel that names the alert."""

from collections.abc import Iterator, Mapping, Sequence

from dashboards.catalog import Dashboard
from rules.merge import annotated
from rules.rulebook import Rulebook
from stacks.outputs import grafana_address
from stacks.settings.schema import Settings

ANNOTATION = "dashboard_url"


def without_panel(rulebook: Rulebook, boards: Sequence[Dashboard]) -> Iterator[str]:
    """Each alert whose notification could lead to no dashboard."""
    for alert in rulebook.alerts:
        if _home(alert.name, boards) is None:
            yield (
                f"dashboards: no panel's description names the alert {alert.name}; name it in that"
                " of the panel that shows what the alert watches"
            )


def dashboard_urls(
    settings: Settings, rulebook: Rulebook, boards: Sequence[Dashboard]
) -> dict[str, str]:
    """The address of the dashboard of each alert that a panel names."""
    base = grafana_address(settings)
    homes = {alert.name: _home(alert.name, boards) for alert in rulebook.alerts}
    return {alert: f"{base}/d/{board.uid}" for alert, board in homes.items() if board}


def with_dashboards(files: Mapping[str, str], urls: Mapping[str, str]) -> dict[str, str]:
    """The rule files, each alert with the annotation that leads to its dashboard."""
    return {name: annotated(text, ANNOTATION, urls) for name, text in files.items()}


def _home(alert: str, boards: Sequence[Dashboard]) -> Dashboard | None:
    """The first dashboard, in the order of the catalog, with a panel that names the alert."""
    return next((board for board in boards if alert in board.alerts), None)
