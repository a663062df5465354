"""Addresses on the command line: which are refused, and that none shows its password."""

import subprocess
import sys

import pytest

from ops.__main__ import main
from ops.arguments import Parser, server_address
from ops.http_api import split_userinfo
from tests.support.loopback import unused_address
from tests.support.recording import ROOT

WRONG = [
    "http://ann:hun/ter2@host:1",
    "http://ann:12/hunter2@host:1",
    "http://host:1/ann:hunter2@host",
    "http://ann:hun#ter2@host:1",
    "http://ann:hun?ter2@host:1",
    "http://ann:hun ter2@host",
    "http://ann:hun\nter2@host",
    "http://ann:hunter2",
    "http:/ann:hunter2@host",
    "http:ann:hunter2@host",
    "http:\\\\ann:hunter2@host",
    "//ann:hunter2@host",
    "ann:hunter2@host:9090",
    "ftp://ann:hunter2@host",
    "http://ann:hunter2@",
    "http://ann:hunter2@host:port",
    "http://ann:hunter2@host:99999",
    "http://ann:hunter2@host:1:2",
    "http://ann:hunter2@[::1",
    "http://ann:hunter2@host/?q",
    f"http://ann:hunter2@{'a' * 64}",
    "http://ann:hunter2@h\udc80",
    "http://ann:hunter2\udc80@host",
    "http://ann:hunter2@host/\x7f",
    "http://ann:hunter2@host\u202e",
]
PARTS = ("ann", "hun", "ter2")
COMMANDS = {
    "report": ("--alertmanager", "http://host", "--prometheus"),
    "silence": ("--list", "--alertmanager"),
    "watch": ("--namespace", "x", "--prometheus"),
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    encoded = [one.encode("utf-8", "surrogateescape") for one in arguments]
    command = [sys.executable, "-m", "ops", *encoded]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def refusal(parser: Parser, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        parser.parse_args(arguments)
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("address", WRONG, ids=ascii)
def test_a_wrong_address_is_refused_without_being_shown(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = Parser(prog="x")
    parser.add_argument("--server", type=server_address)
    error = refusal(parser, [f"--server={address}"], capsys)
    assert "it is not the address of a server. Write http://HOST:PORT" in error
    assert not [part for part in PARTS if part in error]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--server", "http://host", "http://ann:hunter2@host"],
        # The shell splits an address with a space that nobody quoted.
        ["--server", "http://host", "http://ann:hun", "ter2@host"],
        ["--server", "http://host", "http://ann:hun ter2@host"],
        ["--server", "http://host", "http://ann:hun/ter2"],
        ["--ser=http://ann:hunter2@host"],
        ["--other=http://ann:hunter2@host"],
        ["--choice", "ann:hunter2@host"],
        ["--number", "http://ann:hunter2@host"],
    ],
)
def test_no_refusal_repeats_an_argument_that_may_be_an_address(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = Parser(prog="x")
    parser.add_argument("--server", type=server_address)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--choice", choices=["a"])
    parser.add_argument("--number", type=int)
    error = refusal(parser, arguments, capsys)
    assert not [part for part in PARTS if part in error]


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://ann:hunter2@host"],
        ["silence", "http://ann:hun ter2@host", "--for", "2h", "--why", "soak test"],
        ["silence", "--expire", "http://ann:hunter2@host"],
        ["report", "--hours", "http://ann:hunter2@host"],
        ["live", "http://ann:hunter2@host"],
        ["verify", "--live", "--timeout", "http://ann:hunter2@host"],
    ],
)
def test_an_address_in_the_wrong_place_is_not_repeated(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    error = capsys.readouterr().err
    assert (code, error.count("\n")) == (2, 1)
    assert not [part for part in PARTS if part in error]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("address", ["http://ann:hun/ter2@h", f"http://ann:hunter2@{'a' * 64}"])
def test_no_command_shows_a_wrong_address(command: str, address: str) -> None:
    done = run(command, *COMMANDS[command], address)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert not [part for part in PARTS if part in done.stderr]


@pytest.mark.parametrize(
    "password", ["hunter2", "h%75nter2", "hunter2@x", "hunter2%2F", "hunter2:x", "hunter2%0a"]
)
def test_a_server_that_is_gone_is_named_without_its_password(password: str) -> None:
    done = run("silence", "--list", "--alertmanager", f"http://ann:{password}@{unused_address()}")
    assert done.returncode == 1
    assert "Alertmanager at http://127.0.0.1:" in done.stderr
    assert not [part for part in (*PARTS, "h%75n") if part in done.stderr]


@pytest.mark.parametrize(
    ("address", "shown", "login"),
    [
        ("http://host:1/path", "http://host:1/path", None),
        ("http://ann:pw@host", "http://host", ("ann", "pw")),
        ("http://ann@host", "http://host", ("ann", "")),
        ("https://ann:p%40w%2F@[::1]:1/a%40b", "https://[::1]:1/a%40b", ("ann", "p@w/")),
        ("HTTPS://ann:pw@host", "HTTPS://host", ("ann", "pw")),
        ("http://ann:p@w@host", "http://host", ("ann", "p@w")),
    ],
)
def test_user_and_password_are_read_as_they_were_meant(
    address: str, shown: str, login: tuple[str, str] | None
) -> None:
    assert server_address(address) == address
    assert split_userinfo(address) == (shown, login)
