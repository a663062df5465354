"""The common frame of dashboards: settings, links, annotations, and panels that several share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.bands import ALL_UP, CRITICAL, NONE_FIRING, OK, WARNING
from dashboards.panels import DATASOURCE, Panel, Query, stat, state_timeline
from rules.rule import Alert

TAG = "vaultmesh"
"""Every dashboard has this tag, and links to all dashboards that have it."""

PODS_FOUND = (
    'label_replace(prometheus_target_scrape_pool_targets, "job", "$1",'
    ' "scrape_job", "(?:config-reload/)?([^/]+).*")'
)
"""Pods that Prometheus finds for each scrape job, with the label `job` of their series: the scrape
job of a probe is called `job/probe`, that of a reloader `config-reload/job`."""

_MARKED_SECONDS = 900
"""For how long a started pod is marked again and again: longer than the step of annotations, which
Grafana makes a minute, or longer for a range of more than a week."""

_Placed = TypeVar("_Placed", dashboard.DashboardLink, dashboard.AnnotationQuery)


class Section(NamedTuple):
    """A group of panels, under a heading unless the title is empty."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard as its module declares it.

    `module` is the module's `__name__`. `since` is the start of the time range, e.g. `now-6h`.
    `job` narrows the annotations to one workload.
    """

    module: str
    uid: str
    title: str
    description: str
    since: str
    sections: Sequence[Section]
    job: str | None = None
    variables: Sequence[dashboard.QueryVariable] = ()

    @property
    def source(self) -> str:
        """The Python file, from the repository's root."""
        return f"{self.module.replace('.', '/')}.py"

    @property
    def filename(self) -> str:
        """The JSON file that Grafana loads."""
        return f"{self.module.rpartition('.')[2].replace('_', '-')}.json"

    @property
    def panels(self) -> Iterator[Panel]:
        """All panels, in their order."""
        return (panel for section in self.sections for panel in section.panels)

    @property
    def alerts(self) -> frozenset[str]:
        """The names of the alerts that its panels declare."""
        return frozenset(name for panel in self.panels for name in panel.alerts)

    def build(self, alerts: Mapping[str, Alert]) -> dashboard.Dashboard:
        """The dashboard for Grafana; panels ignore names of alerts that `alerts` does not have.

        Panels are laid out from left to right and numbered in that order, so a new panel changes
        the ids of those after it.
        """
        board = dashboard.Dashboard(self.title).uid(self.uid).description(self.description)
        board.tags([TAG]).readonly().time(self.since, "now").refresh("30s").timezone("browser")
        board.tooltip(DashboardCursorSync.CROSSHAIR).variables(list(self.variables))
        board.links([_dashboards_link()]).annotations(
            [_firing_alerts_marks(self.job), _pod_start_marks(self.job)]
        )
        panel_id = 0
        for section in self.sections:
            if section.title:
                panel_id += 1
                board.with_row(dashboard.Row(section.title).id(panel_id))
            for panel in section.panels:
                panel_id += 1
                known = [alerts[name] for name in panel.alerts if name in alerts]
                board.with_panel(panel.build(known).id(panel_id))
        return board


def label_variable(label: str, expr: str) -> dashboard.QueryVariable:
    """A variable for choosing values of `label` among the series of `expr`; initially all."""
    query = f"label_values({expr}, {label})"
    everything = VariableOption(selected=True, text="All", value="$__all")
    variable = dashboard.QueryVariable(label).label(label).datasource(DATASOURCE).query(query)
    variable.definition(query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    # By default, "All" is an empty pattern while no value is known, and matches nothing.
    variable.multi(True).include_all(True).all_value(".+").current(everything)
    return variable.sort(VariableSort.ALPHABETICAL_ASC)


def pods_up(job: str) -> Panel:
    """Show the share of a workload's pods that Prometheus can scrape now; 0 without pods."""
    return stat(
        "Pods up",
        f"The share of the {job} pods that answer Prometheus now; 0 % also when there is no pod.",
        Query(f'avg(up{{job="{job}"}}) or vector(0)'),
        unit=units.PercentUnit,
        bands=ALL_UP,
    )


def up_over_time(
    title: str,
    description: str,
    query: Query,
    *,
    alerts: Sequence[str] = (),
    when: str = "",
    many: bool = False,
) -> Panel:
    """Draw a strip for each series of an expression of `up`: green while up, red while down."""
    return state_timeline(
        title,
        description,
        query,
        states={1: ("up", OK), 0: ("down", CRITICAL)},
        no_value="Nothing was found to scrape in this time",
        alerts=alerts,
        when=when,
        many=many,
    )


def alerts_firing(job: str | None = None) -> Panel:
    """Count the alerts that fire now, for one workload or for all."""
    return stat(
        "Alerts firing",
        f"How many alerts fire now on {job or 'the whole environment'}; 0 is good.",
        Query(f"count({firing_alerts(job)}) or vector(0)"),
        unit=units.NoUnit,
        bands=NONE_FIRING,
    )


def alerts_over_time(job: str | None = None) -> Panel:
    """Draw a strip for each alert that fired, for one workload or for all, coloured by severity."""
    warning = f"max by (alertname) ({firing_alerts(job, 'warning')})"
    critical = f"max by (alertname) ({firing_alerts(job, 'critical')})"
    return state_timeline(
        "Alerts over time",
        "When each alert fired: orange for a warning, red for a critical alert.",
        Query(f"{warning} or 2 * {critical}", "{{alertname}}"),
        states={1: ("warning", WARNING), 2: ("critical", CRITICAL)},
        no_value="No alert fired in this time",
    )


def firing_alerts(job: str | None = None, severity: str | None = None) -> str:
    """Select the firing alerts, of one workload or all, of one severity or all but Watchdog's.

    The label `job` alone would miss some alerts of a workload: on an alert about a probe it names
    the prober, and an alert about an objective has none. These name the workload in other labels.
    """
    wanted = f'severity="{severity}"' if severity else 'severity!="none"'
    if job is None:
        return f'ALERTS{{alertstate="firing", {wanted}}}'
    owners = (f'{label}="{job}"' for label in ("job", "workload", "sloth_service"))
    return " or ".join(f'ALERTS{{alertstate="firing", {owner}, {wanted}}}' for owner in owners)


def _dashboards_link() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return _without_menu(link.icon("external link").keep_time(True))


def _firing_alerts_marks(job: str | None) -> dashboard.AnnotationQuery:
    query = prometheus.Dataquery().expr(firing_alerts(job)).ref_id("Alerts")
    annotation = dashboard.AnnotationQuery().name("Firing alerts").datasource(DATASOURCE)
    annotation.enable(True).icon_color("red").target(query)
    about = "{{severity}} {{pod}} {{treaty}} {{probe}} {{cronjob}}"
    annotation.title_format("{{alertname}}").text_format(about)
    return _without_menu(annotation)


def _pod_start_marks(job: str | None) -> dashboard.AnnotationQuery:
    """Mark each start of a pod. Prometheus can't tell a rollout from a crash.

    A pod is in the answer during its first minutes alone. For all of a day, a thousand pods would
    send more than a million points, which are the same thousand marks.
    """
    targets = f'{{job="{job}"}}' if job else ""
    recent = f"process_start_time_seconds{targets} > time() - {_MARKED_SECONDS}"
    query = prometheus.Dataquery().expr(f"max by (job, pod) ({recent}) * 1000").ref_id("Starts")
    annotation = dashboard.AnnotationQuery().name("Pods started").datasource(DATASOURCE)
    annotation.enable(True).icon_color("blue").target(query).use_value_for_time(True)
    annotation.title_format("{{pod}} started").text_format("{{job}}")
    return _without_menu(annotation)


def _without_menu(placed: _Placed) -> _Placed:
    # The SDK puts links and annotations into a menu, and its builders have no way to undo that.
    vars(placed.build()).update(placement=None)
    return placed
