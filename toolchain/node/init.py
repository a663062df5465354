"""The node's first process, in namespaces of its own: `init FOLDER SOCKET`.

It sets up mounts and the network, starts all processes, and restarts each one that ends. When it
dies, the kernel kills every process of the node, its pods' too, and drops its mounts and networks.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from toolchain.node.layout import ADDRESS, SHARED_FOLDERS, Folder
from toolchain.node.processes import commands

RESTART_SECONDS = 1.0
TUNABLES = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
)
"""Settings of the whole machine, below /proc/sys, which the kubelet changes."""


def main(folder: Folder, api_socket: int) -> None:
    """Run the node; never returns."""
    _set_up_mounts(folder)
    _set_up_network()
    todo = commands(folder, api_socket)
    running: dict[int, str] = {}
    while True:
        for name in todo.keys() - set(running.values()):
            running[_start(name, todo[name], folder, api_socket)] = name
        # Orphans arrive here too; they are no one's to start again.
        if running.pop(os.wait()[0], None):
            time.sleep(RESTART_SECONDS)


def _set_up_mounts(folder: Folder) -> None:
    """Give the node its own view of the folders in which its programs insist on writing."""
    # The kubelet shares the volumes that it mounts with containerd.
    _run("mount", "--make-rshared", "/")
    for path in ("/run", "/var/log"):
        _run("mount", "-t", "tmpfs", "tmpfs", path)
    for path in SHARED_FOLDERS:
        own = folder.root / path.replace("/", "-").lstrip("-")
        own.mkdir()
        # The folder stays when the node goes: to remove it would unmount it for other nodes too.
        Path(path).mkdir(exist_ok=True)
        _run("mount", "--bind", own, path)
    # The kubelet changes a copy, so the machine's own settings stay as they are.
    for name in TUNABLES:
        real, copy = Path("/proc/sys", name), folder.root / name.replace("/", "-")
        copy.write_text(real.read_text())
        _run("mount", "--bind", copy, real)


def _set_up_network() -> None:
    """A network whose only devices are the loopback device and a pair that leads to itself."""
    for command in (
        "link set lo up",
        "link add node0 type veth peer name node1",
        f"address add {ADDRESS}/24 dev node0",
        "link set node0 up",
        "link set node1 up",
        "route add default dev node0",
    ):
        _run("ip", *command.split())
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _start(name: str, command: list[str], folder: Folder, api_socket: int) -> int:
    """Start the process; its output goes to its log. Returns its id."""
    os.set_inheritable(api_socket, True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(folder.logs / f"{name}.log"), flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    (folder.processes / name).write_text(str(pid))
    return pid


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main(Folder(root=Path(sys.argv[1])), int(sys.argv[2]))
