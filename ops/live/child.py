"""Starts a program that dies with the process that started it, in a cluster of its own names.

`python -m ops.live.child PARENT NAMES PROGRAM [ARGUMENT...]` becomes the program. If that is
`python -m MODULE`, the names in the JSON file NAMES lead where the cluster's DNS would.
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
    """Become the command; does not return."""
    _die_with(parent)
    if command[:2] != ["python", "-m"]:
        os.execvp(command[0], command)  # noqa: S606 - the command is the stack's own
    _resolve(names)
    sys.argv = command[2:]
    runpy.run_module(command[2], run_name="__main__", alter_sys=True)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"the runner with process id {parent} has ended already")


def _resolve(names: Path) -> None:
    """Look names up in the file first; it is read each time, since pods come and go."""
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        addresses = json.loads(names.read_text(encoding="utf-8")).get(text, [text])
        # As a DNS server does, so that not all callers take the first one.
        random.shuffle(addresses)
        return [answer for address in addresses for answer in real(address, *arguments, **options)]

    socket.getaddrinfo = look_up


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
