"""The real promtool and amtool take the file with credentials that the commands take."""

import subprocess
from pathlib import Path

import pytest

from ops.__main__ import main
from tests.support.loopback import StubRequest, stub
from tests.support.programs import tool

FILES = {
    "authorization: {credentials_file: secret}": "Bearer hunter2",
    "basic_auth: {username: ann, password_file: secret}": "Basic YW5uOmh1bnRlcjI=",
}


def answer(_: StubRequest) -> tuple[int, bytes]:
    return 200, b"[]"


@pytest.mark.parametrize(("text", "header"), FILES.items())
def test_one_file_serves_promtool_amtool_and_our_commands(
    tmp_path: Path, text: str, header: str
) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    path = tmp_path / "http.yml"
    path.write_text(text)
    option = f"--http.config.file={path}"
    with stub(answer) as server:
        for command in (
            [tool("promtool"), "check", "healthy", option, f"--url={server.url}"],
            [tool("amtool"), "silence", "query", option, f"--alertmanager.url={server.url}"],
        ):
            subprocess.run(command, check=False, capture_output=True)
        assert main(["silence", "--list", f"--alertmanager={server.url}", option]) == 0
    asked = {one.path for one in server.requests}
    assert asked >= {"/-/healthy", "/api/v2/status", "/api/v2/silences"}
    assert {one.headers["authorization"] for one in server.requests} == {header}
