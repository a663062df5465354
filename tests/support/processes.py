"""Processes of this machine, as /proc shows them."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """The ids of a process's children, whichever of its threads started them."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # The thread has ended.
            found += map(int, file.read_text().split())
    return found


def command_of(pid: int) -> bytes:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def kill_family(pid: int) -> None:
    """Kill a process and its descendants, which may have process groups of their own."""
    # Stopped first, so that it starts no child between the look and the kill.
    os.kill(pid, signal.SIGSTOP)
    for member in _family(pid):
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


def _family(pid: int) -> list[int]:
    return [pid, *(member for child in children(pid) for member in _family(child))]
