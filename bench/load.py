"""Sends requests with vegeta, a load generator that takes a small share of the CPU."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain import tools
from toolchain.base import UserError

ANSWER_SECONDS = 10
"""How long a request may take, which is then counted as failed."""

DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Linux: ends the program when this process dies, however it dies."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A request; `body` is sent as JSON."""

    method: str
    url: str
    body: Mapping[str, Any] | None = None

    def line(self) -> str:
        """The target in vegeta's JSON format."""
        target: dict[str, Any] = {"method": self.method, "url": self.url}
        if self.body is not None:
            target["header"] = {"Content-Type": ["application/json"]}
            target["body"] = base64.b64encode(json.dumps(self.body).encode()).decode()
        return f"{json.dumps(target)}\n"


@dataclass(frozen=True, kw_only=True)
class Load:
    """The answers to requests: `p50` and `p99` are the seconds until them, failed ones included.

    `cpu_seconds` is what the generator itself used.
    """

    requests: int
    succeeded: int
    seconds: float
    p50: float
    p99: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Successful answers a second."""
        return self.succeeded / self.seconds

    @property
    def success_share(self) -> float:
        """The share of the requests that succeeded."""
        return self.succeeded / self.requests


def read_report(text: str, cpu_seconds: float) -> Load:
    """Read vegeta's JSON report. Raises UserError if no request succeeded."""
    report = json.loads(text)
    codes: dict[str, int] = report["status_codes"]
    succeeded = sum(number for code, number in codes.items() if code.startswith("2"))
    if not succeeded:
        reasons = "; ".join(report["errors"][:3]) or "no request was sent"
        raise UserError(f"a load failed, the answers were {codes}: {reasons}.")
    latencies = report["latencies"]
    return Load(
        requests=report["requests"],
        succeeded=succeeded,
        seconds=(report["duration"] + report["wait"]) / 1e9,
        p50=latencies["50th"] / 1e9,
        p99=latencies["99th"] / 1e9,
        cpu_seconds=cpu_seconds,
    )


@contextmanager
def start_attack(
    targets: Sequence[Target],
    *,
    seconds: float,
    callers: int | None = None,
    rate: float | None = None,
) -> Iterator[Callable[[], Load]]:
    """Send requests to the targets in turn while the block runs, for `seconds` at most.

    Either each of so many `callers` sends its next request once the last is answered, or requests
    are sent at a `rate` a second however long the answers take. Yields a function that waits for
    the end and returns the load; it raises UserError if all requests failed.
    """
    [folder] = tools.folders(["vegeta"])
    with tempfile.TemporaryDirectory(prefix="load-") as scratch:
        file, answers = Path(scratch, "targets"), Path(scratch, "answers")
        file.write_text("".join(target.line() for target in targets), encoding="utf-8")
        pace = (
            ["-rate=0", f"-max-workers={callers}"]
            if callers
            else [f"-rate={round((rate or 1) * 60)}/1m"]
        )
        command = [
            *DIES_WITH_US,
            *(folder / "vegeta", "attack", "-format=json", f"-targets={file}", *pace),
            *(f"-duration={seconds:g}s", f"-timeout={ANSWER_SECONDS}s", f"-output={answers}"),
        ]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:

            def wait() -> Load:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode:
                    raise UserError(f"vegeta ended with code {process.returncode}.")
                report = [folder / "vegeta", "report", "-type=json", answers]
                text = subprocess.run(report, check=True, capture_output=True, text=True).stdout
                return read_report(text, usage.ru_utime + usage.ru_stime)

            try:
                yield wait
            finally:
                if process.returncode is None:
                    process.kill()


def attack(targets: Sequence[Target], *, seconds: float, callers: int) -> Load:
    """Send requests for `seconds`; each caller sends its next once the last is answered."""
    with start_attack(targets, seconds=seconds, callers=callers) as wait:
        return wait()
