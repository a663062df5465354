"""Label values, annotations and errors are anybody's text, and secrets are nobody's."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from ops.report.composition import compose
from ops.report.document import (
    LONGEST,
    Document,
    Part,
    Section,
    Table,
    cell,
    clean,
    code,
    escape_markdown,
    html,
    markdown,
)
from tests.support.recording import SECRETS, Recording
from tests.support.report.report_answers import fire_alert, sample, target
from tests.support.report.report_platform import (
    Platform,
    gather_facts,
    render_manifests,
    report_on,
)

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
CELLS = "a|b`c`*d*_e_[f](http://evil.invalid)~g~\\"
HOSTILE = f"\"{SCRIPT}' {CELLS} \u202egnp.exe\n# heading\n"


def hostile() -> Platform:
    """A platform whose every free text is hostile."""
    platform = Platform()
    of = {"job": HOSTILE, "pod": HOSTILE, "instance": HOSTILE, "treaty": HOSTILE}
    platform.targets.append(target("x", "y", "down", HOSTILE) | {"labels": of})
    platform.samples.append(sample(1, __name__="treaty_fill_rate", **of))
    fire_alert(platform.groups, "TreatyNoRequests", of, "1")
    group = platform.groups[0]
    rule = group["rules"][0]
    rule |= {"health": "err", "lastError": HOSTILE}
    rule["annotations"] = {**rule["annotations"], "threshold": HOSTILE, "runbook_url": HOSTILE}
    fire_alert(platform.groups, rule["name"], of, "2")
    group["name"] = HOSTILE
    times = {"startsAt": "2025-10-23T12:00:00Z", "endsAt": "2025-10-23T13:00:00Z"}
    match = {"name": "alertname", "value": HOSTILE, "isRegex": False}
    silence = {"id": "1", "status": {"state": HOSTILE}, "createdBy": HOSTILE, "comment": HOSTILE}
    platform.silences.append({**silence, **times, "matchers": [match]})
    line = [[1761214000 + 60 * step, "1"] for step in range(60)]
    metric = {"pod": HOSTILE, "treaty": HOSTILE, "job": HOSTILE, "__name__": HOSTILE}
    platform.past = lambda _: [{"metric": metric, "values": line}]
    return platform


class Elements(HTMLParser):
    """Every element of a page, with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def pages(rendered: Path) -> tuple[str, str]:
    document, _ = report_on(hostile(), rendered)
    return html(document), markdown(document)


def test_no_text_becomes_an_element_or_attribute_of_the_page(pages: tuple[str, str]) -> None:
    assert "&lt;script&gt;alert(1)" in pages[0]
    for tag, attributes in Elements(pages[0]).found:
        assert tag not in {"script", "img", "iframe", "object", "link", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]


def test_the_page_needs_nothing_from_elsewhere(pages: tuple[str, str]) -> None:
    page = pages[0]
    for tag, attributes in Elements(page).found:
        for name in ("src", "srcset", "data", "action", "poster", "xlink:href"):
            assert name not in attributes, f"<{tag} {name}={attributes[name]}>"
        href = attributes.get("href") or "#"
        assert href.startswith("#") or tag == "a", f"<{tag} href={href}>"
        assert href.startswith(("#", "https://", "http://")), href
    assert not re.search(r"@import|url\((?!#)", page)
    assert "Content-Security-Policy" in page
    assert "default-src 'none'" in page


def test_a_link_to_anything_but_the_web_is_left_out() -> None:
    for href in ("javascript:alert(1)", "data:text/html,x", "//evil.invalid", "http://[", "x"):
        assert Part("runbook", href=href).href == ""
    assert Part("runbook", href="https://a.invalid/b.md").href == "https://a.invalid/b.md"


def test_ids_of_the_page_are_its_own(pages: tuple[str, str]) -> None:
    ids = [attributes["id"] for _, attributes in Elements(pages[0]).found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_markdown_shows_hostile_text_as_it_is(pages: tuple[str, str]) -> None:
    text = pages[1]
    bare = re.sub(r"<br>|\]\(<[^>]*>\)", "", text)
    assert "<" not in bare
    assert ">" not in bare
    assert "# heading" not in [line.strip() for line in text.splitlines()]
    assert "[f](http" not in text
    assert r"\[f\](http" in text


def test_every_row_of_a_markdown_table_has_the_cells_of_its_head(pages: tuple[str, str]) -> None:
    width = None
    for line in pages[1].splitlines():
        if not line.startswith("|"):
            width = None
            continue
        cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
        assert width in (None, cells), line
        width = cells


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# a", r"\# a"),
        ("1. a", r"1\. a"),
        ("- a", r"\- a"),
        ("---", r"\---"),
        ("-0.5", "-0.5"),
        ("0.8", "0.8"),
        ("psi_field_density", "psi_field_density"),
        ("_a_", r"\_a\_"),
        ("a && b", "a &amp;&amp; b"),
    ],
)
def test_text_that_would_be_markup_is_escaped(text: str, shown: str) -> None:
    assert escape_markdown(text) == shown


def test_a_pipe_in_code_does_not_end_the_cell() -> None:
    table = Table(("a",), [(cell(code("x|y")),)])
    document = Document("t", Part("v"), "s", [], [Section("i", "t", blocks=[table])])
    assert r"| x\|y |" in markdown(document)


MARKS = "\u202e\u2066\u200e\u200f\u061c\ufeff\x1b\x9b\x00\ud800\u2028\u0085\r\v"


def test_title_environment_version_and_server_errors_are_cleaned_like_all_else(
    rendered: Path,
) -> None:
    text = f"a{MARKS}\n## b {SCRIPT}"
    refusal = httpx.Response(400, content=json.dumps({"error": text}))
    version = httpx.Response(200, content=json.dumps({"data": {"version": text}}))
    platform = Platform(broken={"/silences": lambda _: refusal, "/buildinfo": lambda _: version})
    facts = gather_facts(platform, rendered)
    document, _ = compose(facts, title=text, environment=text, hours=6)
    page, written = html(document), markdown(document)
    for made in (page, written):
        assert not [mark for mark in MARKS if mark in made]
    lines = written.splitlines()
    assert lines[0].startswith("# a ## b &lt;script&gt;")
    assert [line for line in lines if line.startswith("## b")] == []
    assert {tag for tag, _ in Elements(page).found}.isdisjoint({"script", "img"})
    made = [line for line in lines if "HTTP 400: " in line and "## b" in line]
    assert made, "the server's error is shown"


def test_text_is_one_line_of_bounded_length() -> None:
    assert clean("a\n\tb\u202ec\x00d") == "a b c d"
    assert len(clean("x" * 10_000)) == LONGEST


def test_no_secret_is_read_or_shown(recordings: dict[str, Recording], tmp_path: Path) -> None:
    folder = render_manifests(recordings["production"], tmp_path)
    secrets = list(folder.rglob("*-secret-*"))
    assert secrets
    for path in secrets:
        # A file that can't be read as YAML would be named in the report.
        path.write_text(": not: yaml: [" + SECRETS["vaultmesh:grafanaAdminPassword"])
    platform = Platform()
    document, _ = report_on(platform, folder)
    for text in (html(document), markdown(document)):
        assert "not YAML" not in text
        assert "can't be read" not in text
        assert not [secret for secret in [*SECRETS.values(), "hunter2"] if secret in text]
    assert not [path for path in platform.asked if "config" in path or path.endswith("v2/status")]
