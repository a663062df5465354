"""The page of a dashboard: laid out on Grafana's grid, from the answers to its queries alone."""

import html
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ops.charts import Marks
from ops.live.processes import LiveError
from ops.pages import stylesheet
from ops.pictures import collect, page
from ops.pictures.boards import Annotation, Board, Panel, Target
from ops.pictures.collect import Results
from ops.pictures.page import Entry, dashboard_page, fit_legend, page_size, series_name
from ops.pictures.queries import Answer, TimeRange
from ops.prometheus_api import Series

END = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEPS = ((None, "green"), (0.5, "dark-red"))
KINDS = ("stat", "timeseries", "state-timeline", "table")


def series(values: Sequence[float], **labels: str) -> Series:
    """Values a second apart, the last of them now."""
    start = END.timestamp() - len(values) + 1
    return Series(metric=labels, values=[(start + i, value) for i, value in enumerate(values)])


def panel(kind: str, *, y: int = 0, defaults: dict[str, Any] | None = None, **more: Any) -> Panel:
    model = {"fieldConfig": {"defaults": defaults or {}}, **more}
    target = Target("up", "{{pod}}", is_instant=kind in ("stat", "table"))
    return Panel(y, kind, f"A {kind}", 6, y, 12, 8, "none", STEPS, (target,), model)


def results(*pairs: tuple[Panel, Sequence[Series]]) -> Results:
    """One hour of a dashboard with these panels and what each of them got; a pod started."""
    panels = tuple(panel for panel, _ in pairs)
    board = Board("b", "Board", "What it is.", panels, (), (), {})
    answers = {panel.id: [Answer("up", found)] for panel, found in pairs}
    start = Marks("Pods started", "purple", [(END.timestamp() - 30,) * 2])
    time_range = TimeRange(3_600_000, 30_000, 60)
    return Results(board, answers, [start], END, time_range, "Nothing happened.")


def render_main(*pairs: tuple[Panel, Sequence[Series]]) -> str:
    """The main part of the page, without the styles."""
    return re.sub(r".*<main>", "", dashboard_page(results(*pairs)), flags=re.DOTALL)


@pytest.mark.parametrize(("value", "colour"), [(0.4, "green"), (0.5, "red")])
def test_a_number_has_the_colour_of_its_threshold_step(value: float, colour: str) -> None:
    (found,) = re.findall(
        r'color: var\(--(\w+)\)">([\d.]+)', render_main((panel("stat"), [series([value])]))
    )
    assert found == (colour, str(value))


def test_numbers_that_do_not_fit_are_counted() -> None:
    many = [series([0.1], pod=f"pod-{index}") for index in range(20)]
    text = render_main((panel("stat"), many))
    shown = text.count("<small>pod-")
    assert 1 < shown < 20
    assert f"and {20 - shown} more" in text


def test_a_time_series_shows_its_lines_thresholds_marks_and_times() -> None:
    dashed = {"custom": {"thresholdsStyle": {"mode": "dashed"}}}
    text = render_main((panel("timeseries", defaults=dashed), [series([0.1, 0.9] * 30, pod="a")]))
    assert re.findall(r'class="line" [^>]*stroke="([^"]+)', text) == ["var(--line-0)"]
    assert re.findall(r'class="limit" [^>]*stroke="([^"]+)', text) == ["var(--red)"]
    assert re.findall(r'class="mark" [^>]*stroke="([^"]+)', text) == ["var(--purple)"]
    labels = re.findall(r">([^<]+)</text>", text)
    assert labels[-5:] == [*(f"\N{MINUS SIGN}{ago} min" for ago in (60, 45, 30, 15)), "now"]
    assert {"0.2", "0.4", "0.6", "0.8"} <= set(labels)


def test_below_a_transparent_band_a_threshold_has_the_colour_of_the_band_that_ends_there() -> None:
    dashed = {"custom": {"thresholdsStyle": {"mode": "dashed"}}}
    steps = ((None, "red"), (0.3, "orange"), (0.5, "transparent"), (0.8, "orange"))
    range_panel = replace(panel("timeseries", defaults=dashed), steps=steps)
    assert range_panel.threshold_lines == [(0.3, "red"), (0.5, "orange"), (0.8, "orange")]


def test_a_threshold_that_the_panel_does_not_show_is_not_drawn() -> None:
    assert 'class="limit"' not in render_main((panel("timeseries"), [series([0.1, 0.9] * 30)]))


def test_the_scale_holds_the_soft_limits_and_the_unit_of_the_panel() -> None:
    soft = {"custom": {"axisSoftMin": 0, "axisSoftMax": 1}, "decimals": 2}
    text = render_main((panel("timeseries", defaults=soft), [series([0.4, 0.5])]))
    assert {"0.00", "1.00"} <= set(re.findall(r">([^<]+)</text>", text))


def test_states_have_the_colours_that_the_panel_maps_them_to() -> None:
    mapped = {"mappings": [{"type": "value", "options": {"1": {"text": "up", "color": "purple"}}}]}
    text = render_main((panel("state-timeline", defaults=mapped), [series([1] * 60, pod="a")]))
    assert set(re.findall(r'class="strip" [^>]*fill="([^"]+)', text)) == {"var(--purple)"}
    assert ">up</li>" in text and ">a</text>" in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_panel_without_data_shows_its_own_text_for_that(kind: str) -> None:
    nothing = {"noValue": "Nobody at all"}
    for found in ([], [series([float("nan")])] if kind in ("timeseries", "state-timeline") else []):
        assert "Nobody at all" in render_main((panel(kind, defaults=nothing), found))
    assert "No data" in render_main((panel(kind), []))
    assert "Nobody at all" not in render_main(
        (panel(kind, defaults=nothing), [series([1] * 9, pod="a")])
    )


def test_every_panel_stands_in_its_cells_of_the_grid() -> None:
    text = render_main((panel("stat"), [series([1])]), (panel("stat", y=8), [series([1])]))
    places = re.findall(r"<section style=\"grid-area: ([^\"]+)\"", text)
    assert places == ["1 / 7 / span 8 / span 12", "9 / 7 / span 8 / span 12"]
    css = stylesheet("dashboard.css")
    assert f"repeat({page.COLUMNS}, {page.COLUMN}px)" in css
    assert f"grid-auto-rows: {page.ROW}px" in css and f"height: {page.HEAD}px" in css
    board = results((panel("stat"), []), (panel("stat", y=8), [])).board
    assert page_size(board) == (1480, page.HEAD + 16 * page.ROW + page.MARGIN)


def test_a_table_has_a_row_for_each_set_of_labels_and_says_how_many_do_not_fit() -> None:
    rename = [{"options": {"renameByName": {"Value #A": "density"}}}]
    many = [series([0.1], pod=f"pod-{index:02}") for index in range(20)]
    text = render_main((panel("table", transformations=rename), many))
    assert re.findall(r"<th>(.*?)</th>", text) == ["pod", "density"]
    shown = re.findall(r"<td>(pod-\d+)</td>", text)
    assert shown == [f"pod-{index:02}" for index in range(len(shown))]
    assert f"and {20 - len(shown)} more" in text


def test_the_same_results_give_the_same_page() -> None:
    charts = [
        (panel(kind, y=8 * row), [series([0.2, 0.7] * 20, pod=pod) for pod in "ab"])
        for row, kind in enumerate(KINDS)
    ]
    assert dashboard_page(results(*charts)) == dashboard_page(results(*charts))


def test_the_text_of_a_label_is_escaped_and_never_becomes_an_element() -> None:
    hostile = "<img src=x onerror=alert(1)>\"'&"
    for kind in KINDS:
        found = [series([0.2] * 9, pod=hostile), series([0.3] * 9, pod="b")]
        text = dashboard_page(results((panel(kind), found)))
        assert "<img" not in text
        assert hostile[:5] in html.unescape(text), kind


def test_a_type_of_panel_that_can_not_be_drawn_is_refused() -> None:
    with pytest.raises(LiveError, match=r"Dashboard Board, panel A gauge: .*page\.py"):
        render_main((panel("gauge"), [series([1])]))


def test_a_dashboard_without_any_data_is_refused_and_an_empty_panel_is_named() -> None:
    lines: list[str] = []
    empty, full = panel("stat", defaults={"noValue": "none"}), panel("table", y=8)
    collect.require_data([results((empty, []), (full, [series([1])]))], lines.append)
    assert lines == ["Board, A stat: none"]
    nothing = results((empty, []), (full, [series([float("nan")])]))
    with pytest.raises(LiveError, match="no data for any panel of the dashboard Board"):
        collect.require_data([nothing], lines.append)


def test_a_local_folder_in_a_label_becomes_the_path_in_the_cluster() -> None:
    found = results((panel("table"), [series([1], group="/home/me/.state/config/a.yml;g")]))
    moved = found.with_cluster_paths({"/home/me/.state/config": "/etc/config"})
    assert moved.answers[0][0].series[0].metric == {"group": "/etc/config/a.yml;g"}
    assert "/home/me" not in str(moved)


def test_a_legend_is_filled_in_from_the_labels() -> None:
    labels = {"__name__": "up", "pod": "a", "job": "x"}
    assert series_name(Target("up", "{{pod}} of {{ job }}", False), labels) == "a of x"
    assert series_name(Target("up", "", False), labels) == 'up{job="x", pod="a"}'
    assert series_name(Target("up", "", False), {}) == "value"


def test_a_legend_that_is_too_long_says_how_many_names_are_left_out() -> None:
    entries = [Entry(f"psi-field-df72192712-{n:05}", "red") for n in range(9)]
    rows = fit_legend(entries, 400)
    assert len(rows) == 2
    assert rows[-1][-1].name == f"and {len(entries) - sum(map(len, rows)) + 1} more"


@pytest.mark.parametrize(
    ("values", "is_time", "spans"),
    [
        # Samples in a row are one span, others stand alone; 0 marks nothing.
        ([(1, 1), (2, 1), (3, 1), (9, 1), (10, 0)], False, [(1, 3), (9, 9)]),
        ([], False, []),
        ([(5, 2000.0), (6, 2000.0)], True, [(2, 2)]),
    ],
)
def test_the_samples_of_an_annotation_become_marks(
    values: list[tuple[float, float]], is_time: bool, spans: list[tuple[float, float]]
) -> None:
    asked = Annotation("A", "up", "red", is_value_the_time=is_time)
    marks = collect.annotation_marks(asked, Answer("up", [Series(metric={}, values=values)]))
    assert marks == Marks("A", "red", spans)
