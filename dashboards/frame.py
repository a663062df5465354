"""What all dashboards share: settings, links to each other, annotations, the grid."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.health import firing
from dashboards.panels import DATASOURCE, Panel

TAG = "vaultmesh"
"""Every dashboard has this tag, and its links list all dashboards that have it."""

_Placed = TypeVar("_Placed", dashboard.DashboardLink, dashboard.AnnotationQuery)


class Section(NamedTuple):
    """Panels that stand together, under a heading unless the title is empty."""

    title: str
    panels: Sequence[Panel]


def frame(
    *,
    uid: str,
    title: str,
    description: str,
    since: str,
    sections: Sequence[Section],
    job: str | None = None,
    variables: Sequence[dashboard.QueryVariable] = (),
) -> dashboard.Dashboard:
    """Build a whole dashboard. `since` is the start of its time range, e.g. `now-6h`.

    `job` narrows the annotations to one workload. Panels are laid out from left to right, and
    numbered in that order, so that a panel's id is stable while none is put before it.
    """
    board = dashboard.Dashboard(title).uid(uid).description(description).tags([TAG]).readonly()
    board.time(since, "now").refresh("30s").timezone("browser")
    board.tooltip(DashboardCursorSync.CROSSHAIR)
    board.variables(list(variables)).links([_links()]).annotations([_alerts(job), _starts(job)])
    panel_id = 0
    for section in sections:
        if section.title:
            panel_id += 1
            board.with_row(dashboard.Row(section.title).id(panel_id))
        for panel in section.panels:
            panel_id += 1
            board.with_panel(panel.id(panel_id))
    return board


def choice(label: str, expr: str) -> dashboard.QueryVariable:
    """Offer a variable named `label` that narrows panels to some of its values; all at first."""
    query = f"label_values({expr}, {label})"
    everything = VariableOption(selected=True, text="All", value="$__all")
    variable = dashboard.QueryVariable(label).label(label).datasource(DATASOURCE).query(query)
    variable.definition(query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    # Without this, "All" is an empty pattern while no value is known, and matches nothing.
    variable.multi(True).include_all(True).all_value(".+").current(everything)
    return variable.sort(VariableSort.ALPHABETICAL_ASC)


def _links() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return _in_sight(link.icon("external link").keep_time(True))


def _alerts(job: str | None) -> dashboard.AnnotationQuery:
    query = prometheus.Dataquery().expr(firing(job)).ref_id("Alerts")
    annotation = dashboard.AnnotationQuery().name("Firing alerts").datasource(DATASOURCE)
    annotation.enable(True).icon_color("red").target(query)
    about = "{{severity}} {{pod}} {{treaty}} {{probe}} {{cronjob}}"
    annotation.title_format("{{alertname}}").text_format(about)
    return _in_sight(annotation)


def _starts(job: str | None) -> dashboard.AnnotationQuery:
    """Mark where a pod started: in a rollout, or after a crash; Prometheus can't tell which."""
    targets = f'{{job="{job}"}}' if job else ""
    milliseconds = f"max by (job, pod) (process_start_time_seconds{targets}) * 1000"
    query = prometheus.Dataquery().expr(milliseconds).ref_id("Starts")
    annotation = dashboard.AnnotationQuery().name("Pods started").datasource(DATASOURCE)
    annotation.enable(True).icon_color("blue").target(query).use_value_for_time(True)
    annotation.title_format("{{pod}} started").text_format("{{job}}")
    return _in_sight(annotation)


def _in_sight(placed: _Placed) -> _Placed:
    # The SDK puts links and annotations into a menu, and its builders can't take them out.
    vars(placed.build()).update(placement=None)
    return placed
