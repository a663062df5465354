"""Pictures of dashboards: drawn on Grafana's grid, from what the queries got and nothing else."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ops.dashboards import legend, palette, results, run, strips
from ops.dashboards.ask import Answer
from ops.dashboards.boards import Board, Panel, Target
from ops.dashboards.drawing import COLUMN, COLUMNS, GAP, HEAD, MARGIN, ROW, draw
from ops.dashboards.page import Page
from ops.dashboards.place import Marks, Place, Times
from ops.dashboards.results import Results
from ops.dashboards.units import shown
from ops.live.problems import LiveError
from ops.prometheus_api import Series

END = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = 3_600_000
SPEED = 60
STEPS = ((None, "green"), (0.5, "red"))


def series(values: Sequence[float], **labels: str) -> Series:
    """Values a second apart, the last of them now."""
    start = END.timestamp() - len(values) + 1
    return Series(metric=labels, values=[(start + i, value) for i, value in enumerate(values)])


def panel(kind: str, *, y: int = 0, defaults: dict[str, Any] | None = None, **more: Any) -> Panel:
    model = {"fieldConfig": {"defaults": defaults or {}}, **more}
    target = Target("up", "{{pod}}", is_instant=kind in ("stat", "table"))
    return Panel(y, kind, f"A {kind}", 0, y, 12, 8, "none", STEPS, (target,), model)


def got(*pairs: tuple[Panel, Sequence[Series]]) -> Results:
    panels = tuple(panel for panel, _ in pairs)
    board = Board("b", "Board", "What it is.", HOUR, panels, (), (), {})
    answers = {panel.id: [Answer("up", found)] for panel, found in pairs}
    start = Marks("Pods started", "#0000ff", [(END.timestamp() - 30,) * 2])
    return Results(board, answers, [start], Times(END, HOUR, SPEED), "Nothing happened.")


def drawn(*pairs: tuple[Panel, Sequence[Series]]) -> Page:
    return draw(got(*pairs))


def pixels(page: Page, tmp_path: Path) -> Image.Image:
    path = tmp_path / "picture.png"
    page.save(path)
    return Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def colours(image: Image.Image, box: tuple[int, int, int, int]) -> set[tuple[int, int, int]]:
    found = image.crop(box).getcolors(maxcolors=1 << 20) or []
    return {colour for _, colour in found}  # type: ignore[misc]


def rgb(text: str) -> tuple[int, int, int]:
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))


def near(found: set[tuple[int, int, int]], wanted: str) -> bool:
    """Whether a colour occurs, blended a little with what is beside it."""
    return any(max(abs(a - b) for a, b in zip(one, rgb(wanted), strict=True)) < 45 for one in found)


INSIDE = (MARGIN + GAP, HEAD + GAP + 30, MARGIN + 12 * COLUMN - GAP, HEAD + 8 * ROW - GAP)
"""Where the first panel is, below its title."""


@pytest.mark.parametrize(("value", "colour"), [(0.4, "#56a64b"), (0.5, "#e02f44")])
def test_a_number_has_the_colour_of_its_band(value: float, colour: str, tmp_path: Path) -> None:
    image = pixels(drawn((panel("stat"), [series([value])])), tmp_path)
    found = colours(image, INSIDE)
    assert near(found, colour)
    assert not near(found, "#e02f44" if colour == "#56a64b" else "#56a64b")


def test_a_line_its_threshold_and_the_marks_are_drawn_where_the_panel_is(tmp_path: Path) -> None:
    dashed = {"custom": {"thresholdsStyle": {"mode": "dashed"}}}
    chart = panel("timeseries", defaults=dashed)
    image = pixels(drawn((chart, [series([0.1, 0.9] * 30, pod="a")])), tmp_path)
    found = colours(image, INSIDE)
    assert near(found, palette.line(0)), "the line"
    assert near(found, palette.colour("red")), "the threshold"
    assert near(found, "#0000ff"), "the mark"
    beside = (INSIDE[2] + 3 * GAP, INSIDE[1], image.width - MARGIN, INSIDE[3])
    assert colours(image, beside) == {image.getpixel((2, 2))}, "nothing is drawn beside it"


def test_a_threshold_that_the_panel_does_not_show_is_not_drawn(tmp_path: Path) -> None:
    image = pixels(drawn((panel("timeseries"), [series([0.1, 0.9] * 30)])), tmp_path)
    assert not near(colours(image, INSIDE), palette.colour("red"))


def test_states_have_the_colours_that_the_panel_gives_them(tmp_path: Path) -> None:
    purple = {"mappings": [{"type": "value", "options": {"1": {"text": "up", "color": "purple"}}}]}
    strip = panel("state-timeline", defaults=purple)
    found = colours(pixels(drawn((strip, [series([1] * 60, pod="a")])), tmp_path), INSIDE)
    assert near(found, palette.colour("purple"))


@pytest.mark.parametrize("kind", ["stat", "timeseries", "state-timeline", "table"])
def test_a_panel_without_data_says_what_it_says_in_grafana(kind: str, tmp_path: Path) -> None:
    """The two texts differ, so do the pictures; with data neither is shown."""
    texts = [
        pixels(drawn((panel(kind, defaults={"noValue": text}), [])), tmp_path).tobytes()
        for text in ("Nothing", "Nobody at all")
    ]
    assert texts[0] != texts[1]
    values = [
        pixels(
            drawn((panel(kind, defaults={"noValue": text}), [series([1] * 9, pod="a")])), tmp_path
        ).tobytes()
        for text in ("Nothing", "Nobody at all")
    ]
    assert values[0] == values[1]


def test_the_page_is_as_large_as_the_grid_that_it_shows(tmp_path: Path) -> None:
    image = pixels(
        drawn((panel("stat"), [series([1])]), (panel("stat", y=8), [series([1])])), tmp_path
    )
    assert image.size == (2 * MARGIN + COLUMNS * COLUMN, HEAD + 16 * ROW + MARGIN)


def test_the_same_results_make_the_same_picture_byte_for_byte(tmp_path: Path) -> None:
    charts = [
        (panel(kind, y=8 * row), [series([0.2, 0.7] * 20, pod=pod) for pod in "ab"])
        for row, kind in enumerate(("stat", "timeseries", "state-timeline", "table"))
    ]
    for name in ("one.png", "two.png"):
        drawn(*charts).save(tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_dashboard_without_any_data_is_one_line_and_an_empty_panel_is_said() -> None:
    said: list[str] = []
    empty, full = panel("stat", defaults={"noValue": "none"}), panel("table", y=8)
    run.require_data([got((empty, []), (full, [series([1])]))], said.append)
    assert said == ["Board, A stat: none"]
    nothing = got((empty, []), (full, [series([float("nan")])]))
    with pytest.raises(LiveError, match="no data for any panel of the dashboard Board"):
        run.require_data([nothing], said.append)


def test_a_place_of_this_machine_is_called_as_it_is_in_the_cluster() -> None:
    found = got((panel("table"), [series([1], group="/home/me/.state/config/a.yml;g")]))
    moved = found.with_places({"/home/me/.state/config": "/etc/config"})
    assert moved.answers[0][0].series[0].metric == {"group": "/etc/config/a.yml;g"}
    assert "/home/me" not in str(moved)


def test_a_type_of_panel_that_can_t_be_drawn_is_one_line() -> None:
    with pytest.raises(LiveError, match=r"dashboard Board, panel A gauge: .*drawing\.py"):
        drawn((panel("gauge"), [series([1])]))


def test_a_legend_is_filled_in_from_the_labels() -> None:
    labels = {"__name__": "up", "pod": "a", "job": "x"}
    assert legend.name(Target("up", "{{pod}} of {{ job }}", False), labels) == "a of x"
    assert legend.name(Target("up", "", False), labels) == 'up{job="x", pod="a"}'
    assert legend.name(Target("up", "", False), {}) == "value"


def test_a_legend_that_is_too_long_says_how_many_names_are_left_out() -> None:
    place = Place(Page(400, 300, "#ffffff"), 0, 0, 400, 200)
    entries = [legend.Entry(f"psi-field-df72192712-{n:05}", "#000000") for n in range(9)]
    rows = legend._rows(place, entries)
    *_, last = rows[-1]
    shown_names = sum(map(len, rows)) - 1
    assert len(rows) == legend.MOST_ROWS
    assert last.name == f"and {len(entries) - shown_names} more"


def test_a_text_is_cut_to_its_room() -> None:
    page = Page(400, 100, "#ffffff")
    cut = page.cut("Temporal entropy, highest pod", 100, size=9)
    assert cut.endswith("…") and page.measure(cut, size=9) <= 100
    assert page.cut("Short", 100, size=9) == "Short"


def test_a_strip_ends_where_the_value_changes_and_where_samples_are_missing() -> None:
    values = [(1.0, 1.0), (2.0, 1.0), (3.0, 0.0), (7.0, 0.0)]
    assert list(strips._strips(values)) == [(1, 3, 1), (3, 4, 0), (7, 8, 0)]


def test_samples_in_a_row_are_one_mark_and_others_are_their_own() -> None:
    values = [(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (9.0, 1.0), (10.0, 0.0)]
    one = Series(metric={}, values=values)
    assert list(results._spans([one])) == [(1, 3), (9, 9)]
    assert list(results._spans([Series(metric={}, values=[])])) == []


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.8625, "none", "0.8625"),
        (42, "none", "42"),
        (0.95, "percentunit", "95%"),
        (118.7, "ms", "119 ms"),
        (1500, "ms", "1.5 s"),
        (0.00174, "s", "1.74 ms"),
        (0, "s", "0 s"),
        (-90, "s", "-1.5 mins"),
        (7200, "s", "2 hours"),
        (259200, "s", "3 days"),
        (1536, "bytes", "1.5 KiB"),
        (0, "bytes", "0 B"),
        (2_500_000, "Bps", "2.5 MB/s"),
        (2.5, "reqps", "2.5 req/s"),
        (3, "cpm", "3 c/m"),
        (3, "widgets", "3 widgets"),
        (float("nan"), "s", "NaN"),
        (float("inf"), "percentunit", "∞"),
    ],
)
def test_a_value_is_shown_in_its_unit(value: float, unit: str, expected: str) -> None:
    assert shown(value, unit) == expected


def test_a_panel_s_decimals_are_kept() -> None:
    assert shown(114.5128, "none", 0) == "115"
    assert shown(0.5, "none", 4) == "0.5000"
