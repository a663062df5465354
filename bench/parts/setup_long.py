"""How long a fresh clone takes to the end of `make test`, with empty caches and with full ones."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.parts.setup import borrow_packages, fresh_clone, make
from bench.results import Row

NOTHING_CACHED = (
    "nothing cached: downloads packages and modules, builds all tools; "
    "Python, git, Chromium and Go, if this machine has it, are there"
)
CACHED = "all tools are built, packages are in pip's cache"


def measure(*, smoke: bool) -> Iterator[Row]:
    """Preview and test a clone with empty caches, then another with the same caches.

    This takes nearly an hour. A smoke run borrows packages and tools, and runs one file of tests.
    """
    with tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as folder:
        variables = {} if smoke else empty_caches(Path(folder))
        yield from _first_preview_and_tests(NOTHING_CACHED, variables, smoke=smoke)
        yield from _first_preview_and_tests(CACHED, variables, smoke=smoke, again=True)


def _first_preview_and_tests(
    note: str, variables: Mapping[str, str], *, smoke: bool, again: bool = False
) -> Iterator[Row]:
    """The way of a fresh clone; with `again`, also how long its commands take by themselves."""
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
        if again:
            yield test
            if not smoke:
                yield make(root, "`make check`", "check", note=note, **variables)


def empty_caches(folder: Path) -> dict[str, str]:
    """Variables that name empty folders as the caches of built tools, Go and pip."""
    return {
        "XDG_CACHE_HOME": str(folder / "cache"),
        "GOPATH": str(folder / "go"),
        "GOMODCACHE": str(folder / "modules"),
        "GOCACHE": str(folder / "builds"),
        "PIP_CACHE_DIR": str(folder / "pip"),
    }
