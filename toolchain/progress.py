"""Runs a slow program and shows its progress in one line."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from toolchain.base import UserError

PLAIN_INTERVAL, TTY_INTERVAL = 15.0, 0.2
"""Interval in seconds between lines in a log, and between updates of the line on a terminal."""


def duration(seconds: float) -> str:
    """Format seconds: `42 s`, or `3 min 05 s` from one minute on."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class Progress:
    """A status line: rewritten in place on a terminal, repeated every 15 s elsewhere."""

    def __init__(
        self, task: str, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.task, self.stream, self.clock = task, stream, clock
        self.started = clock()
        self.interval = TTY_INTERVAL if stream.isatty() else PLAIN_INTERVAL
        self._next = self.started
        self.detail = ""

    def tick(self) -> None:
        """Show the line if the interval has passed."""
        if self.clock() >= self._next:
            self._next = self.clock() + self.interval
            self._show("...")

    def finish(self, outcome: str) -> None:
        """Show the line one last time, with the outcome."""
        self._show(outcome)
        if self.stream.isatty():
            self.stream.write("\n")
            self.stream.flush()

    def _show(self, end: str) -> None:
        parts = [self.detail, duration(self.clock() - self.started)]
        line = f"{self.task}: {', '.join(filter(None, parts))} {end}"
        self.stream.write(f"\r\x1b[K{line}" if self.stream.isatty() else f"{line}\n")
        self.stream.flush()


def run(
    command: Sequence[str | Path],
    *,
    task: str,
    log: Path,
    count: Mapping[str, str],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
) -> list[str]:
    """Run the command; write its output to the log and its progress to `stream` (default stderr).

    `count` maps patterns to labels: the progress line shows how many output lines match each.
    Returns the lines of the output. Raises UserError with the last error line and the log's path.
    """
    progress = Progress(task, stream or sys.stderr)
    counts = dict.fromkeys(count, 0)
    lines: list[str] = []
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):

        def read() -> None:
            for line in process.stdout or ():
                file.write(line)
                lines.append(line.rstrip())
                for pattern in counts:
                    counts[pattern] += bool(re.search(pattern, line))
                progress.detail = ", ".join(f"{counts[p]} {count[p]}" for p in counts if counts[p])

        reader = threading.Thread(target=read)
        reader.start()
        try:
            while reader.is_alive():
                progress.tick()
                reader.join(TTY_INTERVAL)
        except BaseException:
            process.terminate()
            raise
        finally:
            reader.join()
    if process.returncode:
        progress.finish("failed")
        raise UserError(f"{task} failed: {_reason(lines)}. See {log}.")
    progress.finish("done")
    return lines


def _reason(lines: Sequence[str]) -> str:
    written = [line.strip() for line in lines if line.strip()]
    pattern = re.compile(r"error|cannot|no space|not found", re.IGNORECASE)
    errors = [line for line in written if pattern.search(line)]
    return (errors or written or ["it wrote nothing"])[-1].rstrip(".")
