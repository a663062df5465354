"""The picture of a dashboard, photographed by a real browser."""

import struct
from pathlib import Path

from ops.pages import COLOURS, photograph
from ops.pictures.page import dashboard_page, page_size
from tests.support.report.report_browser import measure_page
from tests.unit.ops.test_pictures_page import KINDS, panel, results, series

EVERY_KIND = results(
    *(
        (panel(kind, y=8 * row), [series([0.2, 0.7] * 20, pod=pod) for pod in "ab"])
        for row, kind in enumerate(KINDS)
    )
)


def test_the_picture_shows_the_whole_page_in_few_colours_and_is_always_the_same(
    tmp_path: Path,
) -> None:
    width, height = page_size(EVERY_KIND.board)
    pictures = []
    for name in ("first.png", "second.png"):
        photograph(dashboard_page(EVERY_KIND), tmp_path / name, width, height)
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\x89PNG")
    assert struct.unpack(">II", pictures[0][16:24]) == (width, height)
    palette = pictures[0].index(b"PLTE")
    (length,) = struct.unpack(">I", pictures[0][palette - 4 : palette])
    assert 3 * 16 < length <= 3 * COLOURS


def test_every_panel_is_inside_the_page_and_its_text_can_be_read(tmp_path: Path) -> None:
    width, _ = page_size(EVERY_KIND.board)
    page = measure_page(dashboard_page(EVERY_KIND), width, tmp_path)
    assert page.console == [] and page.asked == ["/", "/page.html"]
    assert page.measured["outside"] == []
    assert len(page.measured["sections"]) == len(KINDS)
    assert page.measured["small"] == []
