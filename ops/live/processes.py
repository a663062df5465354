"""Starts, watches and stops the processes of a local run, each by its process id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder from which `services` and `ops` are imported."""

STOP_SECONDS = 10
"""Time between SIGINT and SIGKILL."""

_PASSED_ON = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV")
"""Variables inherited from this process; the manifest sets all others."""


class LiveError(Exception):
    """The run can't start or continue; the message, one line, says what is wrong and what to do."""


@dataclass
class Child:
    """A running program; its output goes to `log`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.process.poll()

    def last_line(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1][:300] if lines else "it wrote nothing"


def start_child(
    name: str, command: Sequence[str], environment: Mapping[str, str], *, names: Path, log: Path
) -> Child:
    """Start a program that is killed when this process dies. Call it from the main thread only.

    It gets its own session: Ctrl-C does not reach it, `stop_children` stops it. `names` is the JSON
    file of DNS names, see `child`.
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


def stop_children(children: Iterable[Child]) -> None:
    """Send SIGINT to all at once, and SIGKILL to those still running after STOP_SECONDS."""
    running = [child for child in children if child.exit_code is None]
    for child in running:
        child.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    for child in running:
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def require_free_port(address: str, port: int) -> None:
    """Raise LiveError if the port is in use or this machine does not have the address."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(1)
    except OSError as error:
        raise LiveError(
            f"{address}:{port}: can't be listened on ({error.strerror}). Stop the program that "
            "uses it, perhaps another `make live`, or choose ARGS=--network=127.0.81."
        ) from None


def describe_exit(code: int) -> str:
    """An exit code as a predicate: `ended with code 1`, `was ended by SIGKILL`."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
