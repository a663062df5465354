"""One function for each kind of panel, with Grafana's names, and the display of alerts in panels.

Parameters that the functions share: `unit` is one of the SDK's constants; Grafana shows a
`PercentUnit` of 0.5 as 50 %. `width` counts columns of Grafana's 24-column grid. `alerts` names the
alerts that the panel is about: their thresholds become its bands, or dashed lines in a time series,
their runbooks become its links, and its description says when they fire. `when` ends the sentence
"ALERT fires ..." for alerts whose thresholds the panel can't draw: "while it is above 0". `bands`
colour values independently of thresholds. `many` is for a panel that reads series of every pod or
treaty: it asks for FEW_POINTS, and `highest`, `lowest` or `outermost` bounds its lines. A query may
be one of CloudWatch, with its `datasource`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import cloudwatch, common, dashboard, prometheus
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog import builder as cog_builder
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DataTransformerConfig,
    FieldColorModeId,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.bands import (
    NEUTRAL,
    Bands,
    Limit,
    alarm_color,
    alert_limits,
    bands_of,
    line_bands,
    missing_thresholds,
)
from problems import did_you_mean
from rules.rule import Alert

DATASOURCE_UID = "prometheus"
"""The uid of the Prometheus data source in Grafana."""

DATASOURCE = options.DataSourceRef(type_val="prometheus", uid=DATASOURCE_UID)

FEW_POINTS = 240
"""Points of each line where a query may read a thousand series: its cost grows with series times
points. Elsewhere Grafana asks for a point a pixel. Whoever zooms in sees every scrape."""
LINES = 20
"""Lines at each moment of a query with a line for each pod, treaty or container: nobody can tell a
thousand apart, and most of their cost is that of the answer, many megabytes of text."""
HIGHEST = f"Of more than {LINES} lines of a kind, it shows the highest at each moment."
LOWEST = f"Of more than {LINES} lines of a kind, it shows the lowest at each moment."
OUTERMOST = (
    f"Of more than {LINES} pods, it shows the {LINES // 2} highest and the {LINES // 2} lowest at "
    "each moment."
)

Builder: TypeAlias = Stat | TimeSeries | StateTimeline | Table
_B = TypeVar("_B", Stat, TimeSeries, StateTimeline, Table)


class Query(NamedTuple):
    """A PromQL expression, and the template of its series' names in the legend, e.g. `{{pod}}`."""

    expr: str
    legend: str = ""


def highest(expr: str) -> str:
    """An expression for the LINES highest series at each moment; HIGHEST says so to the reader."""
    return f"topk({LINES}, {expr})"


def lowest(expr: str) -> str:
    """An expression for the LINES lowest series at each moment; LOWEST says so to the reader."""
    return f"bottomk({LINES}, {expr})"


def outermost(expr: str) -> str:
    """An expression for the LINES series furthest out at each moment; OUTERMOST says so."""
    return f"topk({LINES // 2}, {expr}) or bottomk({LINES // 2}, {expr})"


AnyQuery: TypeAlias = Query | cloudwatch.MetricsQuery
AnyTarget: TypeAlias = cog_builder.Builder[variants.Dataquery]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel as its dashboard declares it; `build` adds the rulebook's alerts.

    `color` is the colour of the panel while an alert without a threshold fires, or "".
    """

    title: str
    description: str
    builder: Builder
    alerts: tuple[str, ...] = ()
    when: str = ""
    bands: Bands | None = None
    color: str = ""
    datasource: options.DataSourceRef = field(default_factory=lambda: DATASOURCE)

    def mistakes(self, alerts: Mapping[str, Alert]) -> list[str]:
        """Why the panel can't show its alerts, one sentence each; empty if it can."""
        found = []
        for name in self.alerts:
            if name not in alerts:
                advice = did_you_mean(name, alerts, "Correct the name or remove it.")
                found.append(f"no rule file has the alert `{name}`. {advice}")
            elif not self.when and self.bands is None:
                found += [
                    f"{name} has no `{threshold}` to draw."
                    " Add this annotation to it, or say in `when` when it fires."
                    for threshold in missing_thresholds(alerts[name])
                ]
        return found

    def build(self, alerts: Sequence[Alert]) -> Builder:
        """The panel for Grafana; `alerts` are those whose names `self.alerts` lists."""
        limits = {alert.name: list(alert_limits(alert)) for alert in alerts}
        drawn = [limit for found in limits.values() for limit in found]
        bands = self.bands or (bands_of(drawn) if drawn else NEUTRAL)
        if isinstance(self.builder, TimeSeries) and len(bands) > 1:
            bands = line_bands(bands)
            dashed = options.GraphThresholdsStyleMode.DASHED
            self.builder.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))
        steps = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(list(bands))
        says = f"{self.description} {self._alert_sentence(limits)}".strip()
        self.builder.title(self.title).description(says).thresholds(steps)
        self.builder.datasource(self.datasource)
        if alerts:
            self.builder.build().links = [_runbook_link(alert) for alert in alerts]
        return self.builder

    def _alert_sentence(self, limits: Mapping[str, Sequence[Limit]]) -> str:
        """A sentence that tells by lines or colours of the panel when each alert fires."""
        if not limits:
            return ""
        names = list(limits)
        if self.when:
            return f"{_join(names)} {_fire_or_fires(names)} {self.when}."
        if isinstance(self.builder, TimeSeries):
            ends = [limit.is_upper for found in limits.values() for limit in found]
            if len(names) == 1 and len(set(ends)) > 1:
                return f"{names[0]} fires outside the dashed lines."
            lines = "The dashed line is" if len(ends) == 1 else "The dashed lines are"
            return f"{lines} where {_join(names)} {_fire_or_fires(names)}."
        by_color: dict[str, list[str]] = {}
        for name, found in limits.items():
            color = self.color or (found[0].color if found else "")
            by_color.setdefault(color, []).append(name)
        parts = [f"{color}: {' or '.join(found)} fires" for color, found in by_color.items()]
        sentence = "; ".join(parts)
        return f"{sentence[0].upper()}{sentence[1:]}."


def stat(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    alerts: Sequence[str] = (),
    when: str = "",
    bands: Bands | None = None,
    width: int = 4,
    decimals: int | None = None,
) -> Panel:
    """Show the current value as a big number. Instant queries hide series that have vanished.

    `decimals` is 0 for counts: Prometheus extrapolates increases, so they are rarely whole.
    """
    panel = Stat().color_mode(options.BigValueColorMode.VALUE)
    panel.graph_mode(options.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.no_value("no data").unit(unit).height(4).span(width)
    if decimals is not None:
        panel.decimals(decimals)
    panel.targets([target.instant() for target in _targets(queries)])
    return Panel(
        title=title,
        description=description,
        builder=panel,
        alerts=tuple(alerts),
        when=when,
        bands=bands,
        color=alarm_color(band.color or "" for band in bands or ()),
    )


def time_series(
    title: str,
    description: str,
    *queries: AnyQuery,
    unit: str,
    alerts: Sequence[str] = (),
    when: str = "",
    bands: Bands | None = None,
    top: float | None = None,
    width: int = 8,
    many: bool = False,
    datasource: options.DataSourceRef = DATASOURCE,
) -> Panel:
    """Draw lines over time on an axis from 0 to at least `top`, and a dashed line per threshold."""
    panel = TimeSeries().line_width(2).fill_opacity(5).axis_soft_min(0)
    if top is not None:
        panel.axis_soft_max(top)
    panel.legend(_legend()).unit(unit).height(8).span(width)
    panel.tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI))
    if many:
        panel.max_data_points(FEW_POINTS)
    panel.targets(_over_time(queries))
    return Panel(
        title=title,
        description=description,
        builder=panel,
        alerts=tuple(alerts),
        when=when,
        bands=bands,
        datasource=datasource,
    )


def state_timeline(
    title: str,
    description: str,
    *queries: AnyQuery,
    states: Mapping[int, tuple[str, str]],
    no_value: str,
    alerts: Sequence[str] = (),
    when: str = "",
    many: bool = False,
    datasource: options.DataSourceRef = DATASOURCE,
) -> Panel:
    """Draw a coloured strip for each series; `states` maps each value to its text and colour."""
    panel = StateTimeline().show_value(options.VisibilityMode.NEVER).no_value(no_value)
    texts = {str(value): ValueMappingResult(text, color) for value, (text, color) in states.items()}
    mappings: list[ValueMapping] = [ValueMap(options=texts)]
    panel.mappings(mappings).legend(_legend()).unit(units.NoUnit).height(6).span(24)
    panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    if many:
        panel.max_data_points(FEW_POINTS)
    panel.targets(_over_time(queries))
    return Panel(
        title=title,
        description=description,
        builder=panel,
        alerts=tuple(alerts),
        when=when,
        bands=NEUTRAL,
        color=alarm_color(color for _, color in states.values()),
        datasource=datasource,
    )


def table(
    title: str, description: str, label: str, columns: Mapping[str, str], *, unit: str
) -> Panel:
    """Show current values: a row for each value of `label`, a column for each expression."""
    panel = Table().unit(unit).decimals(4).height(6).span(24)
    queries = [Query(f"max by ({label}) ({expr})") for expr in columns.values()]
    headers = {f"Value #{_ref_id(i)}": column for i, column in enumerate(columns)}
    tidy: dict[str, object] = {"excludeByName": {"Time": True}, "renameByName": headers}
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=tidy))
    panel.targets([t.instant().format(PromQueryFormat.TABLE) for t in _targets(queries)])
    return Panel(title=title, description=description, builder=panel)


def _over_time(queries: Sequence[AnyQuery]) -> list[AnyTarget]:
    return [
        _targets([query])[0].ref_id(_ref_id(i)).range()
        if isinstance(query, Query)
        else query.ref_id(_ref_id(i))
        for i, query in enumerate(queries)
    ]


def _targets(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(_ref_id(i))
        for i, query in enumerate(queries)
    ]


def _ref_id(index: int) -> str:
    return chr(ord("A") + index)


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST)
    return legend.placement(options.LegendPlacement.BOTTOM).show_legend(True)


def _runbook_link(alert: Alert) -> DashboardLink:
    link = DashboardLink(
        title=f"Runbook: {alert.name}",
        type_val=DashboardLinkType.LINK,
        url=alert.annotations["runbook_url"],
        target_blank=True,
    )
    # The SDK puts every link into a menu, which panels do not have.
    vars(link).update(placement=None)
    return link


def _join(names: Sequence[str]) -> str:
    return " and ".join(names)


def _fire_or_fires(names: Sequence[str]) -> str:
    return "fires" if len(names) == 1 else "fire"
