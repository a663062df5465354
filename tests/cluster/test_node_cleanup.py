"""However a node ends, nothing is left of it, and the nodes beside it run on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import children
from tests.support.waiting import wait_for
from toolchain import tools
from toolchain.base import CLONE, UserError
from toolchain.node import host, images
from toolchain.node.cluster import READY_SECONDS, Node, running_node
from toolchain.node.keeper import CGROUPS
from toolchain.node.layout import SHARED_FOLDERS, Folder

USER = """\
import sys, time
from pathlib import Path
from toolchain import tools
from toolchain.node.cluster import running_node
root, *archives = map(Path, sys.argv[1:])
with running_node(root, archives, tools.folders(tools.NODE)):
    print("ready", flush=True)
    time.sleep(3600)
"""
"""Without the name server's image, it waits for the name server until it is killed."""
NAMESPACES = ("pid", "mnt", "net")
END_SECONDS = 30.0

pytestmark = pytest.mark.skipif(host.missing() is not None, reason=str(host.missing()))


@dataclass(frozen=True, kw_only=True)
class Traces:
    """A node's namespaces, and the names of its folder and its cgroups.

    `seen` is when the node had them, in seconds since the machine's boot. The kernel gives their
    numbers to others as soon as they are free, such as to a pod of the node beside it.
    """

    folder: Folder
    namespaces: frozenset[str]
    seen: float

    def all(self) -> list[str]:
        """All that is there of the node."""
        return [*self.processes(), *self.mounts(), *map(str, (*self.cgroups(), *self.files()))]

    def processes(self) -> list[str]:
        """The processes in its namespaces, and those that it has given its folder."""
        return [str(one) for one in Path("/proc").iterdir() if self._is_ours(one)]

    def mounts(self) -> list[str]:
        """This machine's mounts of its files, cgroups and namespaces."""
        names = (str(self.folder.root), self.folder.cgroup, *self.namespaces)
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [line for line in lines if any(name in line for name in names)]

    def cgroups(self) -> list[Path]:
        """One, or one for each controller."""
        return [*CGROUPS.glob(self.folder.cgroup), *CGROUPS.glob(f"*/{self.folder.cgroup}")]

    def files(self) -> list[Path]:
        return list(self.folder.root.glob("*"))

    def _is_ours(self, process: Path) -> bool:
        try:
            command = (process / "cmdline").read_text()
            return str(self.folder.root) in command or bool(
                self.namespaces & namespaces_of(process) and started_at(process) <= self.seen
            )
        except OSError:
            return False


def namespaces_of(process: Path) -> frozenset[str]:
    """A process's namespaces, such as `net:[4026531840]`; mounts of them are called so too."""
    return frozenset(str((process / "ns" / kind).readlink()) for kind in NAMESPACES)


def started_at(process: Path) -> float:
    """When a process started, in seconds since the machine's boot."""
    behind_the_name = (process / "stat").read_text().rpartition(")")[2].split()
    return int(behind_the_name[19]) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Started:
    """A node, and the process that uses it."""

    user: subprocess.Popen[str]
    keeper: int
    traces: Traces


def namespaces_of_node(folder: Folder) -> frozenset[str]:
    """The namespaces of a node that runs; empty before, and for one that has been killed."""
    try:
        first = Path("/proc", folder.first_process.read_text())
        return namespaces_of(first) - namespaces_of(Path("/proc/self"))
    except OSError:
        return frozenset()


@contextmanager
def started(root: Path, archives: Sequence[Path] = ()) -> Iterator[Started]:
    """Start a node in a process of its own; with images, it is ready."""
    command = [sys.executable, "-c", USER, str(root), *map(str, archives)]
    folder = Folder(root=root)
    with subprocess.Popen(command, cwd=CLONE, stdout=subprocess.PIPE, text=True) as user:
        try:
            wait_for(lambda: namespaces_of_node(folder), "the node runs", READY_SECONDS)
            wait_for((folder.processes / "kubelet").exists, "it has started all", READY_SECONDS)
            if archives:
                assert user.stdout and user.stdout.readline() == "ready\n"
            own = namespaces_of_node(folder)
            assert len(own) == len(NAMESPACES)
            seen = time.clock_gettime(time.CLOCK_BOOTTIME)
            traces = Traces(folder=folder, namespaces=own, seen=seen)
            yield Started(user=user, keeper=children(user.pid)[0], traces=traces)
        finally:
            user.kill()


def archives() -> list[Path]:
    """The images of a new node's own pod, which has namespaces, mounts and cgroups of its own."""
    return [path for path in images.build() if path.name.startswith(("coredns-", "pause-"))]


def test_a_second_node_in_the_same_folder_is_refused(node: Node) -> None:
    second = running_node(node.folder.root, [], tools.folders(tools.NODE))
    with pytest.raises(UserError, match="another node runs here"), second:
        pass
    assert node.kubectl("get", "--raw=/readyz") == "ok"


def test_nothing_is_left_of_a_node_whose_user_is_killed(node: Node, tmp_path: Path) -> None:
    with started(tmp_path / "node", archives()) as it:
        assert all((it.traces.processes(), it.traces.cgroups(), it.traces.files()))
        it.user.kill()
        wait_for_nothing(it.traces.all)
    for folder in SHARED_FOLDERS:
        node.run("mountpoint", "--quiet", folder)  # The node beside it has not lost its mount.


def test_a_killed_keeper_takes_its_node_with_it_and_the_next_one_removes_the_rest(
    tmp_path: Path,
) -> None:
    with started(tmp_path / "node") as killed:
        os.kill(killed.keeper, signal.SIGKILL)
        assert killed.user.wait(END_SECONDS) != 0
        wait_for_nothing(killed.traces.processes)
    assert killed.traces.cgroups()
    with started(tmp_path / "node", archives()) as next_one:
        next_one.user.send_signal(signal.SIGINT)
        assert next_one.user.wait(END_SECONDS) != 0
        wait_for_nothing(killed.traces.all)
        wait_for_nothing(next_one.traces.all)


def wait_for_nothing(traces: Callable[[], object]) -> None:
    try:
        wait_for(lambda: not traces(), "nothing is left", END_SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{error}: {traces()}") from None
