"""The report's page in a real browser: on a desk and on a phone, by day and by night."""

from pathlib import Path

import httpx
import pytest

from ops.report.document import Document, html
from ops.report.history import CHARTS
from tests.support.recording import run_stack
from tests.support.report.report_answers import range_series
from tests.support.report.report_browser import DARK, Seen, measure_page
from tests.support.report.report_platform import Platform, render_manifests, report_on
from tests.unit.ops.report.test_report_untrusted import hostile

WIDTHS = (1280, 390)
KINDS = ("reference", "hostile", "unavailable")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    rendered = render_manifests(run_stack("local"), tmp_path_factory.mktemp("rendered"))
    gone = Platform(broken={"v1": lambda _: httpx.Response(500)})
    gone.broken |= dict.fromkeys(("rules", "query", "query_range", "v2"), gone.broken["v1"])
    platforms = dict(zip(KINDS, (Platform(past=range_series), hostile(), gone), strict=True))
    return {kind: report_on(platform, rendered)[0] for kind, platform in platforms.items()}


@pytest.fixture(
    scope="module", params=[(kind, width) for kind in KINDS for width in WIDTHS], ids=str
)
def seen(
    request: pytest.FixtureRequest,
    documents: dict[str, Document],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, int, Document, Seen]:
    """A report in a browser, in its light colours."""
    kind, width = request.param
    page = html(documents[kind])
    return (
        kind,
        width,
        documents[kind],
        measure_page(page, width, tmp_path_factory.mktemp("profile")),
    )


Sight = tuple[str, int, Document, Seen]


def test_the_page_does_not_scroll_sideways(seen: Sight) -> None:
    _, width, _, page = seen
    assert page.measured["width"] in range(width - 20, width + 1)
    assert page.measured["scrollWidth"] <= page.measured["width"]
    assert page.measured["outside"] == []
    assert page.measured["wide"] == []


def test_on_a_phone_tables_are_stacked_and_do_not_scroll_either(seen: Sight) -> None:
    if seen[1] < 640:
        assert seen[3].measured["scrolling"] == []


def test_every_section_and_chart_is_visible(seen: Sight) -> None:
    kind, _, document, page = seen
    assert page.measured["sections"] == [[section.id, True] for section in document.sections]
    if kind != "unavailable":
        assert page.measured["charts"] == len(CHARTS)


def test_every_text_can_be_read(seen: Sight) -> None:
    assert seen[3].measured["texts"] > 50
    assert seen[3].measured["faint"] == []
    assert seen[3].measured["small"] == []


def test_the_console_is_silent_and_nothing_else_is_asked_for(seen: Sight) -> None:
    assert seen[3].console == []
    assert seen[3].asked == ["/", "/page.html"]


@pytest.mark.parametrize("width", WIDTHS)
def test_by_night_the_page_is_dark_and_can_be_read(
    documents: dict[str, Document], tmp_path: Path, width: int
) -> None:
    page = measure_page(html(documents["reference"]), width, tmp_path, DARK).measured
    assert page["background"] == "rgb(17, 22, 29)"
    assert page["faint"] == []


A4 = 718
"""Width in pixels between the margins of a printed page."""


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_nothing_is_cut_off(
    documents: dict[str, Document], tmp_path: Path, kind: str
) -> None:
    printed = html(documents[kind]).replace("@media print", "@media all")
    page = measure_page(printed, A4, tmp_path).measured
    assert page["scrollWidth"] <= page["width"]
    assert page["outside"] == []
    assert page["scrolling"] == []
