"""Measures programs and functions in turns, so that a busy machine disturbs both sides alike."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from toolchain.base import UserError

T = TypeVar("T")
LAUNCHER = Path(__file__).with_name("launcher.py")


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
    with os.fdopen(reader) as used:
        try:
            ended = subprocess.run(
                [sys.executable, "-I", "-S", LAUNCHER, str(writer), *command],
                cwd=cwd,
                env=env,
                pass_fds=[writer],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        finally:
            os.close(writer)
        if ended.returncode:
            raise UserError(f"{' '.join(map(str, command))} failed:\n{ended.stdout[-2000:]}")
        return Use(**json.load(used))


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
