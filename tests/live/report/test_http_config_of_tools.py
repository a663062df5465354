"""The real promtool and amtool take the file with credentials that the commands take."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.loopback import StubRequest, stub
from tests.support.programs import tool
from tests.support.recording import ROOT

FILES = {
    "authorization: {credentials_file: SECRET}": "Bearer hunter2",
    "basic_auth: {username: ann, password_file: SECRET}": "Basic YW5uOmh1bnRlcjI=",
}


def answer(_: StubRequest) -> tuple[int, bytes]:
    return 200, b"[]"


@pytest.mark.parametrize(("text", "header"), FILES.items())
def test_one_file_serves_promtool_amtool_and_our_commands(
    tmp_path: Path, text: str, header: str
) -> None:
    secret, path = tmp_path / "secret", tmp_path / "http.yml"
    secret.write_text("hunter2\n")
    # amtool and promtool differ in what a relative path is relative to.
    path.write_text(text.replace("SECRET", str(secret)))
    option = f"--http.config.file={path}"
    ours = [sys.executable, "-m", "ops", "silence", "--list"]
    with stub(answer) as server:
        for command in (
            [tool("promtool"), "check", "healthy", option, f"--url={server.url}"],
            [tool("amtool"), "silence", "query", option, f"--alertmanager.url={server.url}"],
            [*ours, option, f"--alertmanager={server.url}"],
        ):
            server.requests.clear()
            # amtool does not like the answer of the stub; what counts is how it asked.
            subprocess.run(command, check=False, capture_output=True, cwd=ROOT)
            sent = {one.headers.get("authorization") for one in server.requests}
            assert sent == {header}, command
