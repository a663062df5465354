"""The kinds of panel that the dashboards are made of, one function each.

`unit` is one of Grafana's unit ids: `none` (a plain number), `percentunit` (a share, 0 to 1, shown
as a percentage), `ms`, `s`, `reqps`. `width` counts columns of Grafana's 24-column grid.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.bands import NEUTRAL

DATASOURCE_UID = "prometheus"
"""The uid under which Grafana must know the Prometheus data source."""

DATASOURCE = options.DataSourceRef(type_val="prometheus", uid=DATASOURCE_UID)

Panel: TypeAlias = stat.Panel | timeseries.Panel | statetimeline.Panel | table.Panel
_P = TypeVar("_P", stat.Panel, timeseries.Panel, statetimeline.Panel, table.Panel)


class Query(NamedTuple):
    """A PromQL expression and how its series are called in the legend, e.g. `{{pod}}`."""

    expr: str
    legend: str = ""


def now(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    bands: Sequence[Threshold] = NEUTRAL,
    width: int = 4,
    decimals: int | None = None,
) -> stat.Panel:
    """Show the value now as a big number: an instant query, so no old value of a series gone.

    `decimals` is 0 for what can be counted: the increase of a counter is an estimate.
    """
    panel = stat.Panel().color_mode(options.BigValueColorMode.VALUE)
    panel.graph_mode(options.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.no_value("no data")
    if decimals is not None:
        panel.decimals(decimals)
    _describe(panel, title, description, unit, bands).height(4).span(width)
    return panel.targets([target.instant() for target in _targets(queries)])


def over_time(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    bands: Sequence[Threshold] = NEUTRAL,
    top: float | None = None,
    width: int = 8,
) -> timeseries.Panel:
    """Draw lines over time, from 0 up to at least `top`, with a dashed line at each threshold."""
    panel = timeseries.Panel().line_width(2).fill_opacity(5).axis_soft_min(0)
    if top is not None:
        panel.axis_soft_max(top)
    if len(bands) > 1:
        dashed = options.GraphThresholdsStyleMode.DASHED
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))
    panel.legend(_legend())
    panel.tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI))
    _describe(panel, title, description, unit, bands).height(8).span(width)
    return panel.targets([target.range() for target in _targets(queries)])


def states(
    title: str,
    description: str,
    query: Query,
    *,
    meaning: Mapping[int, tuple[str, str]],
    no_value: str,
    width: int = 24,
) -> statetimeline.Panel:
    """Draw a coloured strip for each series; `meaning` gives each value's text and colour."""
    panel = statetimeline.Panel().show_value(options.VisibilityMode.NEVER).no_value(no_value)
    texts = {
        str(value): ValueMappingResult(text, color) for value, (text, color) in meaning.items()
    }
    mappings: list[ValueMapping] = [ValueMap(options=texts)]
    panel.mappings(mappings).legend(_legend())
    panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    _describe(panel, title, description, "none", NEUTRAL).height(6).span(width)
    return panel.targets([target.range() for target in _targets([query])])


def comparison(
    title: str, description: str, label: str, columns: Mapping[str, str], *, unit: str
) -> table.Panel:
    """Show values now as a table: a row for each value of `label`, a column for each expression."""
    panel = table.Panel()
    _describe(panel, title, description, unit, NEUTRAL).decimals(4).height(6).span(24)
    queries = [Query(f"max by ({label}) ({expr})") for expr in columns.values()]
    targets = _targets(queries)
    headers = {f"Value #{_ref_id(i)}": column for i, column in enumerate(columns)}
    tidy: dict[str, object] = {"excludeByName": {"Time": True}, "renameByName": headers}
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=tidy))
    return panel.targets([t.instant().format(PromQueryFormat.TABLE) for t in targets])


def _describe(panel: _P, title: str, description: str, unit: str, bands: Sequence[Threshold]) -> _P:
    steps = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(list(bands))
    panel.title(title).description(description).unit(unit).thresholds(steps)
    return panel.datasource(DATASOURCE)


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
