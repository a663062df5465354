"""Runs a program that dies with its parent and resolves the names of the cluster's DNS.

`python -m ops.live.child PARENT NAMES PROGRAM [ARGUMENT...]` becomes the program. PARENT is the
process id of the caller. For a program `python -m MODULE`, names in the JSON file NAMES resolve to
the addresses in it.
"""

import ctypes
import json
import os
import random
import runpy
import signal
import socket
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def main(parent: int, names: Path, command: list[str]) -> None:
    """Replace this process by the command; does not return."""
    _die_with(parent)
    if command[:2] != ["python", "-m"]:
        os.execvp(command[0], command)  # noqa: S606 - the command is the stack's own
    _resolve_names(names)
    sys.argv = command[2:]
    runpy.run_module(command[2], run_name="__main__", alter_sys=True)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"the runner with process id {parent} has ended already")


def _resolve_names(names: Path) -> None:
    """Make getaddrinfo look in the file, which it reads at each call, because pods come and go."""
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        addresses = json.loads(names.read_text(encoding="utf-8")).get(text, [text])
        # Shuffle, as a DNS server does, so that callers spread over the pods.
        random.shuffle(addresses)
        return [answer for address in addresses for answer in real(address, *arguments, **options)]

    socket.getaddrinfo = look_up


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
