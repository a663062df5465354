"""The node's own programs, as far as they need no root: keeper, init and relay."""

import fcntl
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.waiting import wait_for
from toolchain.base import CLONE
from toolchain.node import keeper
from toolchain.node.layout import Folder

INIT = """\
import sys
from pathlib import Path
from toolchain.node import init
from toolchain.node.layout import Folder

init._set_up_mounts = lambda folder: None
init._set_up_network = lambda: None
init.RESTART_SECONDS = 0.01
init.commands = lambda folder, descriptor: {
    "stays": ["sleep", "60"],
    "ends": ["sh", "-c", "echo started; exit 1"],
}
init.main(Folder(root=Path(sys.argv[1])), 0)
"""
RELAY = """\
import asyncio, sys
from toolchain.node import relay

relay.ADDRESS, relay.API_PORT = "127.0.0.1", int(sys.argv[2])
asyncio.run(relay._relay(int(sys.argv[1])))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A node's folder, with what its keeper makes in it."""
    folder = Folder(root=tmp_path / "node")
    for path in (folder.root, folder.logs, folder.processes):
        path.mkdir()
    return folder


def test_a_second_node_is_refused_a_folder_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "WAIT_SECONDS", 0.1)
    folder = Folder(root=tmp_path / "node")
    with folder.lock.open("w") as first, socket.create_server(("127.0.0.1", 0)) as listener:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert keeper.main(folder, listener) == keeper.IN_USE
    assert not folder.root.exists()


@pytest.mark.parametrize("hierarchies", [[""], ["cpu", "memory"]], ids=["v2", "v1"])
def test_what_a_killed_keeper_left_is_removed_and_nothing_else(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hierarchies: list[str]
) -> None:
    cgroups = tmp_path / "cgroups"
    monkeypatch.setattr(keeper, "CGROUPS", cgroups)
    for name in hierarchies:
        for cgroup in (f"{folder.cgroup}/kubepods/pod-1", "other"):
            (cgroups / name / cgroup).mkdir(parents=True)
    if hierarchies == [""]:
        (cgroups / "cgroup.controllers").touch()
    else:
        (cgroups / "cpuacct").symlink_to("cpu")
    assert {path.relative_to(cgroups) for path in keeper.hierarchies()} == {*map(Path, hierarchies)}
    keeper._remove(folder)
    assert not folder.root.exists()
    for name in hierarchies:
        left = [path.name for path in (cgroups / name).iterdir() if path.is_dir()]
        assert left == ["other"]


def test_init_starts_a_process_again_that_ends_and_no_other(folder: Folder) -> None:
    log, stays = folder.logs / "ends.log", folder.processes / "stays"
    with subprocess.Popen([sys.executable, "-c", INIT, folder.root], cwd=CLONE) as init:
        try:
            wait_for(lambda: stays.exists() and stays.read_text(), "a process")
            first = stays.read_text()
            wait_for(lambda: log.exists() and log.read_text().count("started") > 2, "restarts")
            assert stays.read_text() == first
        finally:
            init.kill()
            subprocess.run(["kill", stays.read_text()], check=True)


@pytest.fixture
def relay() -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    """A server in place of the node's API server, and the address at which a relay listens."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        outside = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        command = [sys.executable, "-c", RELAY, str(outside.fileno()), str(server.getsockname()[1])]
        process = stack.enter_context(
            subprocess.Popen(command, cwd=CLONE, pass_fds=(outside.fileno(),))
        )
        stack.callback(process.kill)
        yield server, outside.getsockname()


def test_the_relay_passes_bytes_on_in_both_directions(
    relay: tuple[socket.socket, tuple[str, int]],
) -> None:
    server, address = relay

    def answer() -> None:
        there, _ = server.accept()
        with there:
            there.sendall(there.recv(100).upper())

    thread = threading.Thread(target=answer)
    thread.start()
    with socket.create_connection(address, timeout=20) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"HELLO"
        assert client.recv(100) == b"", "the server's end is passed on too"
    thread.join()


def test_the_relay_closes_a_connection_when_the_api_server_is_away(
    relay: tuple[socket.socket, tuple[str, int]],
) -> None:
    server, address = relay
    server.close()
    with socket.create_connection(address, timeout=20) as client:
        assert client.recv(100) == b""
    with socket.create_connection(address, timeout=20) as again:
        assert again.recv(100) == b"", "the relay still runs"
