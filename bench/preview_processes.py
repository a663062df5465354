"""What each process of a preview takes: the engine, the language host, the program, the plugins."""

import os
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.measuring import group, measured_row
from bench.process_memory import PEAK, memory_bytes
from bench.results import Row
from ops.numbers import grafana_value
from toolchain.base import UserError
from toolchain.stacks import Run

ROLES = {
    " -m pip list ": "language host's `pip list`",
    "pulumi-language-python-exec ": "program",
    "pulumi-language-python ": "language host",
    "pulumi-resource-kubernetes ": "Kubernetes provider",
    "toolchain.aws_standin ": "stand-in for the AWS provider",
    "pulumi preview ": "engine",
}
"""The role of a process by a part of its command line; the first that fits counts."""
LOOK_SECONDS = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
_PARENT, _USER, _SYSTEM = 1, 11, 12
"""Places in /proc/PID/stat behind the name: the parent's id, CPU time of the process in ticks."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process when it was last seen: its role, CPU time so far and peak memory."""

    role: str
    cpu_seconds: float
    peak_bytes: float


def watch(program: Run) -> dict[str, Process]:
    """Run the program to its end. Returns what it and its descendants took together, by role.

    What a process does after its last look is left out: half of LOOK_SECONDS. Raises UserError if
    the program fails.
    """
    seen: dict[int, Process] = {}
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with group(program.command, cwd=program.root, env=program.environment, **options) as engine:
        while engine.poll() is None:
            seen |= look(engine.pid)
            time.sleep(LOOK_SECONDS)
    if engine.returncode:
        raise UserError(f"{' '.join(program.command)} failed with code {engine.returncode}")
    return by_role(seen.values())


def look(root: int, proc: Path = _PROC) -> dict[int, Process]:
    """The process `root` and its descendants by id: those that have a role and have not ended."""
    stats: dict[int, Sequence[str]] = {}
    for folder in proc.glob("[0-9]*"):
        # Processes end meanwhile.
        with suppress(OSError):
            text = (folder / "stat").read_text(errors="replace")
            # The name stands in brackets and may contain some.
            stats[int(folder.name)] = text.rpartition(")")[2].split()
    children: dict[int, list[int]] = defaultdict(list)
    for pid, stat in stats.items():
        children[int(stat[_PARENT])].append(pid)
    found: dict[int, Process] = {}
    pending = [root]
    while pending:
        pid = pending.pop()
        pending += children[pid]
        with suppress(OSError):
            command = (proc / str(pid) / "cmdline").read_text(errors="replace").replace("\0", " ")
            status = (proc / str(pid) / "status").read_text(errors="replace")
            role = next((role for part, role in ROLES.items() if part in command), None)
            peak = memory_bytes(status, PEAK)
            if role and peak is not None:
                found[pid] = Process(
                    role=role,
                    cpu_seconds=(int(stats[pid][_USER]) + int(stats[pid][_SYSTEM])) / _TICKS,
                    peak_bytes=peak,
                )
    return found


def by_role(processes: Iterable[Process]) -> dict[str, Process]:
    """The CPU time of all processes of each of ROLES together, and the largest peak memory."""
    found: dict[str, Process] = {}
    for one in processes:
        other = found.get(one.role, Process(role=one.role, cpu_seconds=0, peak_bytes=0))
        found[one.role] = Process(
            role=one.role,
            cpu_seconds=other.cpu_seconds + one.cpu_seconds,
            peak_bytes=max(other.peak_bytes, one.peak_bytes),
        )
    return found


def rows(
    what: str,
    runs: Sequence[Mapping[str, Process]],
    others: Sequence[Mapping[str, Process]],
    beside: str,
) -> Iterator[Row]:
    """The medians of each role that the runs have, beside those of another program."""
    for role in ROLES.values():
        ours = [run[role] for run in runs if role in run]
        theirs = [run[role] for run in others if role in run]
        if not ours:
            continue
        memory = grafana_value(statistics.median(one.peak_bytes for one in ours), "bytes")
        yield measured_row(
            [one.cpu_seconds for one in ours],
            [one.cpu_seconds for one in theirs],
            what=f"{what}, of which the {role}, CPU time",
            unit="s",
            beside=beside if theirs else "",
            note=f"peak memory {memory}",
        )
