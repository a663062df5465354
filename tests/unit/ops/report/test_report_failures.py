"""The report with facts missing, and the exit codes of its command."""

import io
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from ops.__main__ import main
from ops.http_api import Deadline
from ops.report.command import NOT_ASKED, SLOW_SECONDS, Progress, write_all
from ops.report.document import Document, html, markdown
from tests.support.loopback import Stub, stub, unused_address
from tests.support.recording import ROOT
from tests.support.report.report_platform import Platform, gather_facts, report_on


def broken(_: httpx.Request) -> httpx.Response:
    return httpx.Response(500)


def slow(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("", request=request)


def unavailable(document: Document) -> dict[str, str]:
    return {one.id: " ".join(one.unavailable) for one in document.sections if one.unavailable}


@pytest.mark.parametrize(
    ("end", "sections"),
    [
        ("/api/v1/targets", {"workloads"}),
        ("/api/v1/rules", {"alerts", "rules", "metrics", "slos"}),
        ("/api/v1/query", {"platform", "metrics", "slos", "maturity"}),
        ("/api/v1/query_range", {"charts"}),
        ("/api/v2/silences", {"silences"}),
        ("/api/v2/alerts", {"alerts"}),
        ("/status/buildinfo", {"maturity"}),
        ("/api/search", {"maturity"}),
    ],
)
def test_the_sections_that_need_an_answer_say_that_it_is_missing(
    rendered: Path, end: str, sections: set[str]
) -> None:
    document, _ = report_on(Platform(broken={end: broken}), rendered)
    assert set(unavailable(document)) == sections
    for text in (html(document), markdown(document)):
        assert "Not available:" in text
        assert "HTTP 500" in text


def test_without_metadata_no_section_is_unavailable(rendered: Path) -> None:
    document, _ = report_on(Platform(broken={"/metadata": broken}), rendered)
    assert not unavailable(document)


def test_a_server_that_does_not_answer_is_not_asked_again(rendered: Path) -> None:
    platform = Platform(broken={"prometheus": slow})
    document, _ = report_on(platform, rendered)
    assert [path for path in platform.asked if "v1" in path] == ["/api/v1/rules"]
    assert {"workloads", "rules", "alerts", "metrics", "platform", "charts"} <= set(
        unavailable(document)
    )
    assert "Nothing is wrong" not in markdown(document)
    assert "No alert is firing" not in markdown(document)


def test_without_manifests_the_scraped_workloads_are_still_shown(tmp_path: Path) -> None:
    document, _ = report_on(Platform(), tmp_path / "none")
    assert "Run `make up`" in unavailable(document)["workloads"]
    assert "psi-field" in markdown(document)


@pytest.mark.parametrize("text", ["{", "- 1", "kind: Deployment", "\udc80"])
def test_a_broken_manifest_is_named_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "apps_v1-deployment-aurora-local-x.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    reason = unavailable(report_on(Platform(), tmp_path)[0])["workloads"]
    assert path.name in reason
    assert "\n" not in reason


def run(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ops", *map(str, arguments)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env)


def test_a_report_without_any_facts_is_written_and_says_so(tmp_path: Path) -> None:
    nobody = f"http://ann:hunter2@{unused_address()}"
    servers = ("--prometheus", nobody, "--alertmanager", nobody)
    done = run("report", *servers, "--out", tmp_path / "new" / "reports", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = sorted(path.suffix for path in (tmp_path / "new" / "reports").iterdir())
    assert written == [".html", ".json", ".md"]
    assert len(done.stderr.splitlines()) == 3
    assert all(line.startswith("not in the report: ") for line in done.stderr.splitlines())
    texts = [path.read_text() for path in (tmp_path / "new" / "reports").iterdir()]
    assert "hunter2" not in "".join([*texts, done.stdout, done.stderr])


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dance",),
        ("report",),
        ("report", "--prometheus", "localhost:9090", "--alertmanager", "http://x"),
        ("report", "--prometheus", "ftp://x", "--alertmanager", "http://x"),
        ("report", "--prometheus", "http://[", "--alertmanager", "http://x"),
        ("report", "--prometheus", "http://a:b@x:port", "--alertmanager", "http://x"),
        ("report", "--prometheus", "http://x", "--alertmanager", "http://x", "--hours", "nan"),
        ("report", "--prometheus", "http://x", "--alertmanager", "http://x", "--more"),
    ],
)
def test_wrong_arguments_are_one_line_and_code_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(list(arguments))
    except SystemExit as end:
        code = end.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "a:b" not in error


def servers_that_hang(hang: Stub) -> tuple[str, ...]:
    hang.answer = hang.hang
    return ("--prometheus", hang.url, "--alertmanager", hang.url)


def test_all_requests_together_have_one_deadline(tmp_path: Path) -> None:
    with stub() as server:
        where = servers_that_hang(server)
        done = run("report", *where, "--out", tmp_path, "--deadline", "1", cwd=tmp_path)
    assert done.returncode == 0
    assert "Prometheus at " in done.stderr
    assert "gave no answer within 0." in done.stderr
    assert "was not asked: the 1 s for all requests are over" in done.stderr
    assert len(list(tmp_path.glob("kpi-status-*"))) == 3
    assert len(server.requests) == 1


def test_strict_tells_by_its_code_that_a_server_could_not_be_asked(tmp_path: Path) -> None:
    nobody = f"http://{unused_address()}"
    where = ("--prometheus", nobody, "--alertmanager", nobody, "--out", tmp_path)
    done = run("report", *where, "--strict", cwd=tmp_path)
    assert done.returncode == NOT_ASKED
    assert len(list(tmp_path.glob("kpi-status-*"))) == 3
    with stub(lambda _: (200, b'{"data": {"result": [], "groups": [], "activeTargets": []}}')) as s:
        where = ("--prometheus", s.url, "--alertmanager", nobody, "--out", tmp_path)
        assert run("report", *where, "--strict", cwd=tmp_path).returncode == NOT_ASKED


def test_facts_are_unasked_only_if_a_server_gave_no_answer(rendered: Path, tmp_path: Path) -> None:
    assert gather_facts(Platform(), rendered).unasked() == []
    # A folder is no server.
    assert gather_facts(Platform(), tmp_path / "none").unasked() == []
    ends = ("/rules", "/targets", "/query", "/query_range", "/metadata", "v2/silences", "/search")
    for end in ends:
        (reason,) = gather_facts(Platform(broken={end: broken}), rendered).unasked()
        assert "HTTP 500" in reason


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_what_is_asked_and_how_long_it_takes() -> None:
    clock = iter([0.0, 0.0, 12.4]).__next__
    stream = Terminal()
    progress = Progress(stream, Deadline(60, clock))
    progress.show("Prometheus for its rules")
    progress.show("Alertmanager for its silences")
    lines = [line for line in stream.getvalue().splitlines() if "asking" in line]
    assert "asking Prometheus for its rules (0 of at most 60 s)" in lines[0]
    assert "asking Alertmanager for its silences (12 of at most 60 s)" in lines[1]


def test_a_log_hears_of_the_progress_only_when_it_is_slow() -> None:
    clock = iter([0.0, 1.0, 2.0, 2 + SLOW_SECONDS]).__next__
    stream = io.StringIO()
    progress = Progress(stream, Deadline(60, clock))
    for what in ("a", "b", "c"):
        progress.show(what)
    progress.end()
    assert stream.getvalue() == "asking c (7 of at most 60 s)\n"


def test_every_question_is_told(rendered: Path) -> None:
    told: list[str] = []
    platform = Platform()
    gather_facts(platform, rendered, tell=told.append)
    assert len(told) == len(platform.asked)


def test_of_three_files_none_is_left_if_one_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError):
        write_all({tmp_path / "a": "text", tmp_path / "b": "text"})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_folder_that_can_not_be_written_is_one_line_and_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nobody = f"http://{unused_address()}"
    servers = ("--prometheus", nobody, "--alertmanager", nobody)
    done = run("report", *servers, "--out", tmp_path / "file", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "can't be written" in done.stderr
