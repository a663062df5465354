"""Credentials, CA and proxy of the commands' servers, from a file as promtool takes it."""

import errno
import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml

from kubectl import Kubectl
from ops.__main__ import main
from ops.alertmanager_api import Alertmanager
from ops.http_api import ApiError
from ops.http_config import HttpConfigError, read_http_config
from ops.watch import table
from tests.support.loopback import StubRequest, stub
from tests.support.waiting import wait_for

SECRET = "hunter2"


def nothing(_: StubRequest) -> tuple[int, bytes]:
    return 200, b"[]"


def write(folder: Path, text: str) -> Path:
    path = folder / "http.yml"
    path.write_text(text)
    return path


def ask(url: str, path: Path) -> None:
    with closing(Alertmanager(url, **read_http_config(path))) as client:
        assert client.silences() == []


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("authorization: {credentials: hunter2}", "Bearer hunter2"),
        ("authorization: {credentials_file: secret}", "Bearer hunter2"),
        ("authorization: {type: Token, credentials: hunter2}", "Token hunter2"),
        ("basic_auth: {username: ann, password: hunter2}", "Basic YW5uOmh1bnRlcjI="),
        ("basic_auth: {username: ann, password_file: secret}", "Basic YW5uOmh1bnRlcjI="),
        ("basic_auth: {username_file: secret}", "Basic aHVudGVyMjo="),
        ("", None),
    ],
)
def test_credentials_are_sent_and_their_files_are_beside_the_file(
    tmp_path: Path, text: str, header: str | None
) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    with stub(nothing) as server:
        ask(server.url, write(tmp_path, text))
    assert server.requests[0].headers.get("authorization") == header


def test_the_file_wins_over_the_address(tmp_path: Path) -> None:
    path = write(tmp_path, "authorization: {credentials: hunter2}")
    with stub(nothing) as server:
        ask(f"http://ann:other@{server.address}", path)
    assert server.requests[0].headers["authorization"] == "Bearer hunter2"


def test_the_proxy_is_asked_and_gets_its_password(tmp_path: Path) -> None:
    with stub(nothing) as proxy:
        ask("http://nowhere.invalid", write(tmp_path, f"proxy_url: http://a:b@{proxy.address}"))
    (seen,) = proxy.requests
    assert seen.path == "http://nowhere.invalid/api/v2/silences"
    assert seen.headers["proxy-authorization"] == "Basic YTpi"


@contextmanager
def https_server(folder: Path) -> Iterator[str]:
    """A server with a certificate that only `folder/cert.pem` vouches for."""
    name, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-keyout", key, "-out", name, "-subj", "/CN=test"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(name, key)
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_is_trusted_by_the_ca_of_the_file_alone(tmp_path: Path) -> None:
    with https_server(tmp_path) as url:
        ask(url, write(tmp_path, "tls_config: {ca_file: cert.pem}"))
        own = write(
            tmp_path, "tls_config: {ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem}"
        )
        ask(url, own)
        with pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(url, write(tmp_path, ""))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "http.yml:2: is not YAML"),
        ("a: &b hunter2\nc: *hunter2", "http.yml:2: is not YAML"),
        ("hunter2", "the file: "),
        ("\nauthorisation: {credentials: hunter2}", "yml:2: a key is not supported. Choose basic_"),
        ("hunter2:", "http.yml:1: a key is not supported. Choose basic_auth, authoriz"),
        ("{hunter2}", "http.yml:1: a key is not supported."),
        ("1234567: a", "http.yml:1: a key is not supported."),
        (
            "basic_auth:\n  hunter2: a",
            "yml:2: a key of basic_auth is not supported. Choose ",
        ),
        ("basic_auth: {<<: {hunter2: a}}", "yml:1: a key of basic_auth is not supported."),
        (
            "basic_auth: {password_file: hunter2}",
            "basic_auth.password_file: can't be read: ",
        ),
        ("tls_config: {ca_file: 'http://u:hunter2@h'}", "tls_config.ca_file: can't be used: No"),
        (
            "tls_config: {cert_file: hunter2, key_file: hunter2}",
            "cert_file or key_file: can't",
        ),
        ("tls_config: {insecure_skip_verify: true}", "a key of tls_config is not supported"),
        ("authorization: {credentials: [hunter2]}", "authorization.credentials: Input should be"),
        ("authorization: {credentials: 'hun ter2'}", "authorization.credentials: is not a token"),
        ("authorization: {}", "authorization.credentials: is not a token"),
        ("authorization: {type: basic, credentials: hunter2}", "use basic_auth"),
        ("authorization: {credentials: a, credentials_file: b}", "Remove one."),
        (
            "authorization: {credentials_file: none}",
            "credentials_file: can't be read: No such",
        ),
        ("authorization: {credentials_file: .}", "can't be read: Is a directory"),
        ("basic_auth: {username: a}\nauthorization: {credentials: hunter2}", "Remove one."),
        ("basic_auth: {password: 12345}", "basic_auth.password: Input should be a valid string"),
        ("proxy_url: http://ann:hun/ter2@x", "proxy_url is not an address"),
        ("proxy_url: socks5://ann:hunter2@x", "proxy_url is not an address"),
        ("tls_config: {ca_file: none}", "tls_config.ca_file: can't be used: No such file"),
        ("tls_config: {ca_file: http.yml}", "tls_config.ca_file: can't be used: "),
        ("tls_config: {cert_file: none}", "needs cert_file and key_file"),
        ("\x00", "is not YAML"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_in_one_line_without_its_secrets(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(HttpConfigError) as error:
        read_http_config(path)
    with pytest.raises(SystemExit) as end:
        main(["silence", "--list", "--http.config.file", str(path)])
    printed = capsys.readouterr().err
    assert (end.value.code, printed.count("\n")) == (2, 1)
    for shown in (str(error.value), printed):
        assert said in shown
        assert SECRET not in shown
        assert "ter2" not in shown


@pytest.mark.parametrize(
    "text",
    [
        None,
        "authorization: {credentials_file: pipe}",
        "tls_config: {ca_file: pipe}",
        "tls_config: {cert_file: pipe, key_file: pipe}",
    ],
)
def test_a_pipe_that_nobody_writes_holds_no_command(
    tmp_path: Path, text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.http_config.READ_SECONDS", 0.1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    try:
        with pytest.raises(HttpConfigError, match=r"can't be read within 0\.1 s"):
            read_http_config(write(tmp_path, text) if text else pipe)
    finally:
        wait_for(lambda: end_reading(pipe), "a thread reads the pipe")


def end_reading(pipe: Path) -> bool:
    """End the thread that reads the pipe; False if none has begun to."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        assert error.errno == errno.ENXIO
        return False
    return True


def test_a_pipe_is_read_as_shells_make_it() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"authorization: {credentials: hunter2}")
        os.close(writer)
        assert set(read_http_config(Path(f"/dev/fd/{reader}"))) == {"auth"}
    finally:
        os.close(reader)


@pytest.mark.parametrize("text", [None, "authorization: {credentials_file: /dev/zero}"])
def test_a_file_without_end_is_given_up(tmp_path: Path, text: str | None) -> None:
    with pytest.raises(HttpConfigError, match="has more than 1 MiB"):
        read_http_config(write(tmp_path, text) if text else Path("/dev/zero"))


@pytest.mark.parametrize("text", ["a: *hunter2", 'a: "hunter2'])
def test_the_slower_parser_quotes_the_line_and_the_message_does_not(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.manifests._LOADER", yaml.SafeLoader)
    with pytest.raises(HttpConfigError, match="is not YAML") as error:
        read_http_config(write(tmp_path, text))
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "command",
    [
        ("report", "--alertmanager", "SERVER", "--prometheus", "SERVER", "--out", "OUT"),
        ("silence", "--list", "--alertmanager", "SERVER"),
    ],
)
def test_the_commands_send_the_token(
    tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "authorization: {credentials: hunter2}")
    with stub(nothing) as server:
        places = {"SERVER": server.url, "OUT": str(tmp_path / "out")}
        arguments = [places.get(one, one) for one in command]
        assert main([*arguments, f"--http.config.file={path}"]) == 0
    assert {one.headers["authorization"] for one in server.requests} == {"Bearer hunter2"}
    assert SECRET not in "".join(capsys.readouterr())


def test_watch_sends_the_token_to_prometheus(tmp_path: Path) -> None:
    path = write(tmp_path, "authorization: {credentials: hunter2}")
    nowhere = Kubectl((f"--kubeconfig={tmp_path}/none",))
    with stub(nothing) as server:
        table(nowhere, "x", server.url, read_http_config(path))
    assert {one.headers["authorization"] for one in server.requests} == {"Bearer hunter2"}


def test_watch_has_no_use_for_the_file_without_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "authorization: {credentials: hunter2}")
    with pytest.raises(SystemExit):
        main(["watch", "--namespace", "x", "--http.config.file", str(path)])
    assert "--http.config.file is for the server of --prometheus" in capsys.readouterr().err
