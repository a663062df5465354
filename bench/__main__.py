"""Runs benchmarks: `python -m bench [--smoke] [PART...]`."""

import argparse
import importlib
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NoReturn

from bench import pictures, results
from bench.measuring import seconds
from bench.results import Curve, Finding, Matrix, PartResult, Row
from toolchain import stacks, tools
from toolchain.base import CLONE, UserError, say, write_atomically
from toolchain.progress import duration

PARTS: Mapping[str, str] = {
    "preview": "Preview",
    "preview_phases": "Where a preview's time goes",
    "preview_growth": "How a preview grows",
    "peers": "Beside other tools",
    "faults": "Faults found before deployment",
    "evaluation": "Rule evaluation at scale",
    "services": "Services",
    "soak": "Soak of the services",
    "effect": "From edit to effect",
    "size": "Size and cost",
    "setup": "Set-up",
}
"""Title of each part, which is the module of that name."""
BESIDE = ("soak",)
"""Parts that begin before all others and end after them. They yield None once they have begun."""
OPTIONAL: Mapping[str, str] = {
    "effect_node": "From edit to effect, on a real node",
    "size_node": "Size and cost, on a real node",
    "setup_tests": "Set-up and tests, with all tools built",
    "setup_long": "Set-up and tests, from nothing",
}
"""The same for parts that run only if they are named: they take long, or need more of a machine."""
ALL: Mapping[str, str] = {**PARTS, **OPTIONAL}
"""All parts, in the order of the page."""


def measure(part: str, *, smoke: bool) -> Generator[Finding | None]:
    """What the part finds; with `smoke`, at its smallest sizes and in one round."""
    return importlib.import_module(f"bench.parts.{part}").measure(smoke=smoke)


def run_part(
    part: str, findings: Iterable[Finding | None], *, commit: str = "", machine: str = ""
) -> Iterator[PartResult | None]:
    """Let the part measure, and print each row and each matrix as it is found.

    Yields a result after each finding, because a part that takes an hour may fail near its end; the
    last result has `ended`. Yields None when the part does: see BESIDE.
    """
    python_seconds = median([seconds(_start_python) for _ in range(5)])
    started, rows, curves, matrices = time.monotonic(), list[Row](), list[Curve](), list[Matrix]()

    def result(*, ended: bool) -> PartResult:
        return PartResult(
            date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            commit=commit,
            machine=machine,
            seconds=time.monotonic() - started,
            python_seconds=python_seconds,
            ended=ended,
            rows=rows,
            curves=curves,
            matrices=matrices,
        )

    for finding in findings:
        if finding is None:
            yield None
            continue
        if isinstance(finding, Row):
            rows.append(finding)
            took = duration(time.monotonic() - started)
            print(f"{took:>12}  {part}: {'; '.join(filter(None, finding.cells()))}", flush=True)
        elif isinstance(finding, Matrix):
            matrices.append(finding)
            print("\n".join(["", f"{part}: {finding.title}", *finding.lines(), ""]), flush=True)
        else:
            curves.append(finding)
        yield result(ended=False)
    yield result(ended=True)


def _start_python() -> None:
    subprocess.run([sys.executable, "-I", "-c", "import asyncio"], check=True)


def write(found: Mapping[str, PartResult]) -> None:
    """Write results.json, and from it results.md and the pictures; delete all other pictures."""
    results.save(found)
    write_atomically(results.FOLDER / "results.md", results.markdown(found, ALL))
    folder = results.FOLDER / "pictures"
    drawn = {
        folder / f"{curve.name}.svg": pictures.svg(curve)
        for result in found.values()
        for curve in result.curves
    }
    for path, picture in drawn.items():
        write_atomically(path, picture)
    for path in folder.glob("*.svg"):
        if path not in drawn:
            path.unlink()


def _commit() -> str:
    """The commit that was measured; `+` marks uncommitted changes of anything but results."""
    kept = [":!bench/results.json", ":!bench/results.md", ":!bench/pictures"]
    head, changed = (
        subprocess.run(["git", *command], cwd=CLONE, capture_output=True, text=True).stdout.strip()
        for command in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", *kept])
    )
    return head + "+" if changed else head


def _machine() -> str:
    """The processor, the memory, and the versions of what is measured."""
    models = re.findall(r"^model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8"), re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{os.cpu_count()} cores of {models[0] if models else 'an unnamed processor'}",
        f"{memory:.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        *_versions(),
    ]
    return ", ".join(parts)


def _versions() -> Iterator[str]:
    """The programs that the parts start: Pulumi may be the user's own, the others are pinned."""
    env, pulumi = stacks.base_environment()
    version = subprocess.run([pulumi, "version"], env=env, capture_output=True, text=True)
    yield f"pulumi {version.stdout.strip()}"
    for name in ("prometheus", "alertmanager"):
        yield f"{name} {tools.TOOLS[name][0].variables[0].rpartition('=')[2]}"
    yield f"pulumi-kubernetes {tools.PROVIDER_VERSION}"


def _exit(number: int, _: object) -> NoReturn:
    """End like Ctrl-C does, so that all parts end their processes and delete their folders."""
    sys.exit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Measure the parts and keep their results, with those of parts that did not run.

    With --smoke, nothing is kept.
    """
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(ALL)}")
    parser.add_argument("--smoke", action="store_true", help="smallest sizes; keep no result")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in ALL]
    if unknown:
        raise UserError(f"there is no part {unknown[0]!r}. Choose from {', '.join(ALL)}.")
    commit, machine = _commit(), _machine()
    found = results.load()
    kept = {part for part, result in found.items() if result.ended}
    with ExitStack() as stack:
        parts: dict[str, Iterator[PartResult | None]] = {}
        for part in options.parts or PARTS:
            # To close what a part yields ends the part's processes.
            findings = stack.enter_context(closing(measure(part, smoke=options.smoke)))
            parts[part] = run_part(part, findings, commit=commit, machine=machine)
        for part in BESIDE:
            next(parts.get(part, iter(())), None)
        for part in sorted(parts, key=BESIDE.__contains__):
            say(f"{ALL[part]} ...")
            for result in filter(None, parts[part]):
                # What a part finds midway replaces no whole result.
                if not options.smoke and (result.ended or part not in kept):
                    found[part] = result
                    write(found)
    return 0


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _exit)
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
