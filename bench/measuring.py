"""Measures programs and functions in turns, so that a busy machine disturbs both sides alike."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bench.results import Goal, Row
from toolchain.base import UserError
from toolchain.stacks import Run

T = TypeVar("T")
LAUNCHER = Path(__file__).with_name("launcher.py")
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Use:
    """What one run of a program took: wall time, CPU time of it and its children, peak memory.

    `peak_bytes` is the largest resident set of one process among them.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: float


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> Use:
    """Run the program to its end, without input or output.

    Raises UserError with the end of its messages if it fails.
    """
    reader, writer = os.pipe()
    with os.fdopen(reader) as used, os.fdopen(writer, "w") as given:
        code, messages = output(
            [sys.executable, "-I", "-S", LAUNCHER, str(writer), *command],
            cwd=cwd,
            env=env,
            pass_fds=[writer],
        )
        given.close()
        if code:
            raise UserError(f"{' '.join(map(str, command))} failed:\n{messages[-2000:]}")
        return Use(**json.load(used))


def run_planned(program: Run) -> Use:
    """Run a planned program as `run` does."""
    return run(program.command, cwd=program.root, env=program.environment)


def output(
    command: Sequence[str | Path], *, timeout: float | None = None, **options: Any
) -> tuple[int, str]:
    """The program's exit code, and all that it writes.

    Raises UserError if it takes longer than `timeout`, in seconds.
    """
    with group(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options) as program:
        try:
            messages, _ = program.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise UserError(f"{' '.join(map(str, command))}: no end after {timeout} s") from None
        return program.returncode, messages


@contextmanager
def group(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start the program without input; at the end, stop it and all that it has started."""
    program = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, text=True, process_group=0, **options
    )
    try:
        yield program
    finally:
        # Pulumi needs the first signal to end its plugins, which have groups of their own.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(program.pid, number)
            with suppress(subprocess.TimeoutExpired):
                program.communicate(timeout=_GRACE_SECONDS)


def comparison(
    what: str,
    uses: Sequence[Use],
    beside: str,
    others: Sequence[Use],
    *,
    goal: Goal | None = None,
    note: str = "",
) -> Iterator[Row]:
    """The medians of two programs that ran in turns.

    The goal limits the ratio of the wall times; the note stands in their row.
    """
    for unit, field, label in (
        ("s", "seconds", ""),
        ("s", "cpu_seconds", ", CPU time"),
        ("bytes", "peak_bytes", ", peak memory of its largest process"),
    ):
        yield measured_row(
            [getattr(use, field) for use in uses],
            [getattr(use, field) for use in others],
            what=what + label,
            unit=unit,
            beside=beside,
            goal=goal if field == "seconds" else None,
            note=note if field == "seconds" else "",
        )


def measured_row(values: Sequence[float], others: Sequence[float] = (), **about: Any) -> Row:
    """The row of a value that was measured several times, in turns with `others` if there are any.

    `about` has the other fields of the row.
    """
    beside = statistics.median(others) if others else None
    pairs = zip(values, others, strict=False)
    # A process may take less than the kernel's tick of CPU time. Then there is no ratio.
    spread = [value / other for value, other in pairs if other] if beside else values
    return Row(
        value=statistics.median(values),
        beside_value=beside,
        runs=len(values),
        spread=(min(spread), max(spread)) if spread else (),
        **about,
    )


def in_turns(rounds: int, *sides: Callable[[], T]) -> list[list[T]]:
    """Call the sides one after the other, `rounds` times: A B A B. Returns the results by side."""
    found: list[list[T]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, results in zip(sides, found, strict=True):
            results.append(side())
    return found


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
