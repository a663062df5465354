"""No command shows a password, wherever among its arguments, files and answers that stands."""

import json
import re
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops.__main__ import COMMANDS, main
from tests.support.loopback import StubRequest, stub

SECRET = "s3cr3tpw"
SERVER = "http://127.0.0.1:1"
"""Nobody listens there."""
FORMS = [
    f"http://u:{SECRET}@127.0.0.1:1",
    f"HTTP://u:{SECRET}@127.0.0.1:1",
    f"http://{SECRET}@127.0.0.1:1",
    f"http://u:{SECRET}@127.0.0.1:1/\u202e",
    f"http://u:12/{SECRET}@127.0.0.1:1",
    f"http://127.0.0.1:1/u:{SECRET}@h",
    f"http://u:{SECRET} x@h",
    f"http://u:{SECRET}\n@h",
    f"http:/u:{SECRET}@h",
    f"http:\\\\u:{SECRET}@h",
    f"ftp://u:{SECRET}@h",
    f"//u:{SECRET}@h",
    f"u:{SECRET}@h",
    f"./u:{SECRET}@h",
    f"a=http://u:{SECRET}@h",
    f"http://u:{SECRET}@{'h' * 600}",
    f"{'h' * 480}http://u:{SECRET}{'p' * 40}@h",
]
SILENCE = ("TreatyNoRequests", "--for", "2h", "--why", "soak test")
REPORT = ("--prometheus", SERVER, "--alertmanager", SERVER)
NEEDED: dict[str, list[tuple[str, ...]]] = {
    "report": [REPORT],
    "silence": [("--list",), SILENCE],
    "watch": [("--namespace", "x")],
    "verify": [("--live",)],
    "test-page": [("--live",)],
}
CONFIGS = [
    f"{SECRET}:",
    f"{{{SECRET}}}",
    f"basic_auth: {{{SECRET}: a}}",
    f"basic_auth: {{password_file: {SECRET}}}",
    f"basic_auth: {{username: a, password: [{SECRET}]}}",
    f"authorization: {{credentials: 'a {SECRET}'}}",
    f"authorization: {{credentials_file: 'http://u:{SECRET}@h'}}",
    f"tls_config: {{ca_file: 'http://u:{SECRET}@h'}}",
    f"tls_config: {{cert_file: {SECRET}, key_file: {SECRET}}}",
    f"proxy_url: HTTP://u:{SECRET}@127.0.0.1:1",
    f"proxy_url: http://u:12/{SECRET}@127.0.0.1:1",
    f"basic_auth: [{SECRET}",
]
TEXTS = [
    f"Get HTTP://u:{SECRET}@h: refused",
    f"Get http:/u:{SECRET}@h: refused",
    f"{'x ' * 95}http://u:{SECRET}{'p' * 300}@h",
]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for what is written, without a cluster; a watch ends after its first table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", "none")

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.watch.time", SimpleNamespace(sleep=interrupt))


def shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command writes to stdout, stderr and files."""
    with suppress(SystemExit):
        main(arguments)
    texts = [path.read_text() for path in Path().rglob("*") if path.is_file()]
    return "\n".join((*capsys.readouterr(), *texts))


def options_of(command: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    found = re.findall(r"^  (--[\w.-]+)|, (--[\w.-]+)", shown([command, "--help"], capsys), re.M)
    return sorted({one or other for one, other in found})


@pytest.mark.parametrize("form", FORMS, ids=ascii)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_shows_a_password(
    command: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = options_of(command, capsys)
    assert "--help" in options
    given = [[form], *([f"{one}={form}"] for one in options), *([one, form] for one in options)]
    for needed in NEEDED.get(command, [()]):
        for arguments in given:
            assert SECRET not in shown([command, *needed, *arguments], capsys), arguments


@pytest.mark.parametrize("command", COMMANDS)
def test_no_flag_shows_what_it_was_given(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--help", "--list", "--strict", "--live", "--json", "--test-page", "--keep"):
        if option in options_of(command, capsys):
            text = shown([command, f"{option}={SECRET}"], capsys)
            assert f"{option}: it takes no value. " in text
            assert SECRET not in text


@pytest.mark.parametrize("form", FORMS, ids=ascii)
def test_the_name_of_a_command_shows_no_password(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert SECRET not in shown([form], capsys)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["report", *REPORT, "--http.config.file"],
        ["report", *REPORT, "--grafana", SERVER, "--grafana.http.config.file"],
        ["silence", "--list", "--http.config.file"],
        ["watch", "--namespace", "x", "--prometheus", SERVER, "--http.config.file"],
    ],
    ids=" ".join,
)
def test_no_file_with_credentials_is_repeated(
    arguments: list[str],
    config: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("given") / "http.yml"
    path.write_text(config)
    assert SECRET not in shown([*arguments, str(path)], capsys)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("status", [200, 500])
def test_no_answer_shows_a_password(
    status: int, text: str, rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = {"labels": {"job": text}, "health": "down", "lastError": text}
    target["lastScrape"] = "2025-10-23T12:00:00Z"
    answer = {"error": text, "data": {"activeTargets": [target], "version": text}}

    def say(_: StubRequest) -> tuple[int, bytes]:
        return status, json.dumps(answer).encode()

    with stub(say) as server:
        servers = ["--prometheus", server.url, "--alertmanager", server.url]
        for arguments in (
            ["report", *servers, "--rendered", str(rendered), "--title", text[:40]],
            ["silence", *SILENCE, *servers],
            ["watch", "--namespace", "x", "--prometheus", server.url],
        ):
            assert SECRET not in shown(arguments, capsys), arguments


def test_a_traceback_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: list[str]) -> int:
        raise OSError(f"http://u:{SECRET}@h")

    monkeypatch.setattr("ops.cost.command.main", fail)
    assert main(["cost"]) == 1
    error = capsys.readouterr().err
    assert error.endswith("OSError: http://h\n")
