"""Keeps the node while its user lives, then removes all traces: `keeper FOLDER SOCKET`.

The user holds the other end of the keeper's standard input. However the user ends, kill -9
included, that end closes, and the keeper ends the node and removes its cgroups and its folder. If
the keeper is killed, the node dies with it, and the next keeper removes what is left.
"""

import fcntl
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from toolchain.node.credentials import write_credentials
from toolchain.node.layout import MODULE_ENVIRONMENT, Folder, run_module
from toolchain.node.processes import write_configurations

CGROUPS = Path("/sys/fs/cgroup")
WAIT_SECONDS = 20.0
"""Time limit for the keeper of an earlier node to finish, and for the kernel to empty cgroups."""
IN_USE = 3
"""Exit code if another node runs in this folder."""


def main(folder: Folder, api_socket: socket.socket) -> int:
    """Run the node until standard input ends or the node does. Returns an exit code."""
    folder.root.parent.mkdir(parents=True, exist_ok=True)
    with folder.lock.open("w") as lock:
        if not _take(lock.fileno()):
            return IN_USE
        _remove(folder)
        try:
            for path in (folder.root, folder.logs, folder.processes, folder.volumes):
                path.mkdir()
            write_credentials(folder, api_socket.getsockname()[1])
            write_configurations(folder)
            for hierarchy in hierarchies():
                (hierarchy / folder.cgroup).mkdir()
            return _run(folder, api_socket)
        finally:
            shutil.rmtree(folder.kept_logs, ignore_errors=True)
            with suppress(FileNotFoundError):
                folder.logs.rename(folder.kept_logs)
            _remove(folder)


def _take(lock: int) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.2)
    return False


def _run(folder: Folder, api_socket: socket.socket) -> int:
    with (folder.logs / "init.log").open("w") as log:
        unshare = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "--pid", "--mount", "--net", "--fork", "--kill-child=KILL"),
                *("--mount-proc", *run_module("init", str(folder.root), str(api_socket.fileno()))),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(api_socket.fileno(),),
            env={**os.environ, **MODULE_ENVIRONMENT},
        )
    api_socket.close()
    threading.Thread(target=lambda: (sys.stdin.read(), unshare.kill()), daemon=True).start()
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
    while unshare.poll() is None and not children.read_text():
        time.sleep(0.01)
    if unshare.poll() is None:
        first = children.read_text().strip()
        init = os.pidfd_open(int(first))
        folder.first_process.write_text(first)
        # The user reads this line: from now on, the files in the folder are those of this node.
        print("the node runs", flush=True)
        unshare.wait()
        # The first process ends after all others of its namespace.
        select.select([init], [], [])
    return unshare.wait()


def _remove(folder: Folder) -> None:
    """Remove the cgroups and the folder of a node whose processes have been killed."""
    deadline = time.monotonic() + WAIT_SECONDS
    for hierarchy in hierarchies():
        for path in reversed(list((hierarchy / folder.cgroup).glob("**"))):
            while path.exists():
                try:
                    path.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
    shutil.rmtree(folder.root, ignore_errors=True)


def hierarchies() -> list[Path]:
    """The roots of the machine's cgroup hierarchies: one, or one for each set of controllers."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    # Links such as `cpu` lead to the hierarchy `cpu,cpuacct`.
    return [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]


if __name__ == "__main__":
    sys.exit(main(Folder(root=Path(sys.argv[1])), socket.socket(fileno=int(sys.argv[2]))))
