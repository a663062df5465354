"""How long a fresh clone takes to its first preview, with all tools built."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.measuring import run, seconds
from bench.results import Row
from toolchain import packages
from toolchain.base import CLONE, VENV_BIN, cache, say

PACKAGES = "tools are built; packages are from pip's cache, if it has them"


def measure(*, smoke: bool) -> Iterator[Row]:
    """Clone and preview twice; a smoke run borrows this clone's packages."""
    with fresh_clone() as (root, took):
        if smoke:
            borrow_packages(root)
        yield Row(what="`git clone`", value=took, unit="s", note="of a folder on this machine")
        yield make(root, "first `make preview` of a fresh clone", "preview", note=PACKAGES)
        yield make(root, "second `make preview`", "preview", note="nothing has changed")


def clone_preview_and_test(
    note: str, variables: Mapping[str, str], *, smoke: bool, apart: bool = False
) -> Iterator[Row]:
    """The way of a fresh clone; with `apart`, also how long its commands take by themselves."""
    tests = ("ARGS=tests/unit/test_schedules.py",) if smoke else ()
    with fresh_clone() as (root, cloned):
        if smoke:
            borrow_packages(root)
        previewed = cloned + make(root, "", "preview", note="", **variables).value
        yield Row(
            what="fresh clone to the end of the first `make preview`",
            value=previewed,
            unit="s",
            note=note,
        )
        test = make(root, "`make test`", "test", *tests, note=note, **variables)
        yield Row(
            what="fresh clone to the end of `make test`",
            value=previewed + test.value,
            unit="s",
            note=note,
        )
        if apart:
            yield test
            if not smoke:
                yield make(root, "`make check`", "check", note=note, **variables)


@contextmanager
def fresh_clone() -> Iterator[tuple[Path, float]]:
    """A new clone of this repository's newest commit, and the seconds that `git clone` took."""
    with tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as folder:
        root = Path(folder, "clone")
        command = ["git", "clone", "--quiet", str(CLONE), str(root)]
        yield root, seconds(lambda: subprocess.run(command, check=True))


def borrow_packages(root: Path) -> None:
    """Give the clone a .venv that finds the packages of this clone's, without an installation."""
    site = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    (root / ".venv" / site / "borrowed.pth").write_text(f"{VENV_BIN.parent / site}\n")
    (root / ".venv" / "lock.stamp").write_text(packages.lock_hash(len(packages.VENV_LOCKS)))


def make(root: Path, what: str, *arguments: str, note: str, **variables: str) -> Row:
    """Run `make` with the arguments in the clone; the row has the seconds that it took.

    `variables` are additional ones of its environment. Raises UserError if it fails.
    """
    say(f"make {' '.join(arguments)} in {root} ...")
    environment = {**plain_environment(os.environ), **variables}
    # The Python of this machine that this clone's .venv was made with.
    python = f"PYTHON={Path(sys.executable).resolve()}"
    used = run(["make", *arguments, python], cwd=root, env=environment)
    return Row(what=what, value=used.seconds, unit="s", note=note)


def plain_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without this clone's Python, the built tools and the options of `make`.

    `make bench ARGS=setup` hands its variables down to every program that it runs.
    """
    path = [
        folder
        for folder in environment["PATH"].split(os.pathsep)
        if Path(folder) != VENV_BIN and not Path(folder).is_relative_to(cache())
    ]
    options = re.findall(r"^(\w+) \?=", (CLONE / "Makefile").read_text(encoding="utf-8"), re.M)
    dropped = ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", *options)
    kept = {key: value for key, value in environment.items() if key not in dropped}
    return {**kept, "PATH": os.pathsep.join(path)}
