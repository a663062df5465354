"""The processes of a local run: started, watched and ended, each by its own id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.live.problems import LiveError

ROOT = Path(__file__).resolve().parents[2]
"""The folder from which `services` and `ops` are imported."""

STOP_SECONDS = 10
"""How long a process may take to end before it is killed."""

_PASSED_ON = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV")
"""What a process gets of the runner's environment; the rest is what its manifest says."""


@dataclass
class Child:
    """A running program; what it writes goes to `log`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.process.poll()

    def last_line(self) -> str:
        """The last thing it wrote."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1][:300] if lines else "it wrote nothing"


def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], *, names: Path, log: Path
) -> Child:
    """Start a program that ends when this process does, however that ends. Main thread only.

    It has a session of its own, so that a Ctrl-C reaches it through `stop` alone.
    """
    launcher = [sys.executable, "-m", "ops.live.child", str(os.getpid()), str(names), *command]
    kept = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603 - the stack's own commands
            launcher,
            cwd=ROOT,
            env={**kept, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(name, process, log)


def stop(children: Iterable[Child]) -> None:
    """End them all at once with SIGINT, and after STOP_SECONDS with SIGKILL."""
    running = [child for child in children if child.code is None]
    for child in running:
        child.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    for child in running:
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def require_free(address: str, port: int) -> None:
    """Raise LiveError if something listens on the port, or the address can't be had."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(1)
    except OSError as error:
        raise LiveError(
            f"{address}:{port} can't be listened on ({error.strerror}): stop what does so, such "
            f"as another `make live`, or take other addresses with ARGS=--network=127.0.81"
        ) from None


def ending(code: int) -> str:
    """An exit code in words."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
