"""The processes of a preview: who they are, and what they take together."""

import os
import sys
from pathlib import Path

from bench import preview_processes
from bench.preview_processes import Process
from toolchain.stacks import Run

TICKS = os.sysconf("SC_CLK_TCK")


def write(proc: Path, pid: int, parent: int, command: str, seconds: int, kilobytes: int) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    times = " ".join(str(TICKS * seconds) for _ in range(2))
    fields = f"S {parent} {' '.join('0' * 9)} {times}"
    (folder / "stat").write_text(f"{pid} (a) name) {fields} 0 0\n")
    (folder / "cmdline").write_text(command.replace(" ", "\0") + "\0")
    (folder / "status").write_text(f"Name:\ta) name\nVmHWM:\t  {kilobytes} kB\nVmRSS:\t 1 kB\n")


def test_only_descendants_with_a_role_are_seen(tmp_path: Path) -> None:
    write(tmp_path, 10, 1, "/a/pulumi preview --stack local", 2, 100)
    write(tmp_path, 11, 10, "/a/pulumi-language-python 127.0.0.1:1", 1, 7)
    write(tmp_path, 12, 11, "/a/python -m pip list -v", 3, 9)
    write(tmp_path, 13, 11, "/a/python /a/pulumi-language-python-exec --stack local", 4, 8)
    write(tmp_path, 14, 11, "/a/python --version", 5, 6)
    write(tmp_path, 15, 1, "/a/pulumi-resource-kubernetes 127.0.0.1:1", 6, 5)
    found = preview_processes.look(10, tmp_path)
    assert {pid: one.role for pid, one in found.items()} == {
        10: "engine",
        11: "language host",
        12: "language host's `pip list`",
        13: "program",
    }
    assert (found[10].cpu_seconds, found[10].peak_bytes) == (4, 100 * 1024)


def test_processes_of_one_role_are_added_up() -> None:
    hosts = [Process(role="host", cpu_seconds=each, peak_bytes=9 - each) for each in (1, 2)]
    other = Process(role="engine", cpu_seconds=5, peak_bytes=1)
    found = preview_processes.by_role([*hosts, other])
    assert found == {
        "host": Process(role="host", cpu_seconds=3, peak_bytes=8),
        "engine": other,
    }


def test_a_process_that_the_other_program_has_not_stands_alone() -> None:
    engine = Process(role="engine", cpu_seconds=2, peak_bytes=2**20)
    plugin = Process(role="Kubernetes provider", cpu_seconds=1, peak_bytes=2**21)
    with_plugin, without = {one.role: one for one in (engine, plugin)}, {"engine": engine}
    first, second = preview_processes.rows("preview", [with_plugin], [without], "empty")
    assert (first.what, first.beside, first.beside_value, first.note) == (
        "preview, of which the Kubernetes provider, CPU time",
        "",
        None,
        "peak memory 2 MiB",
    )
    assert (second.beside, second.beside_value) == ("empty", 2)


def test_a_row_counts_the_runs_in_which_the_process_was_seen_with_or_without_a_tick() -> None:
    busy, idle = (
        Process(role="engine", cpu_seconds=seconds, peak_bytes=2**20) for seconds in (2, 0)
    )
    (row,) = preview_processes.rows("preview", [{}, {"engine": busy}], [{"engine": idle}], "empty")
    assert (row.value, row.runs) == (2, 1)
    assert row.cells()[2].startswith("empty: 0")


def test_a_program_is_watched_until_it_ends(tmp_path: Path) -> None:
    work = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    command = [sys.executable, "-c", work, "pulumi", "preview", "as an engine"]
    found = preview_processes.watch(Run(command=command, environment={}, root=tmp_path))
    assert [*found] == ["engine"]
    assert found["engine"].peak_bytes > 2**20
