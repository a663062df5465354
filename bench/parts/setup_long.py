"""How long a fresh clone takes to the end of `make test` with empty caches."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.parts.setup import clone_preview_and_test
from bench.results import Row

NOTHING_CACHED = (
    "nothing cached: downloads packages and modules, builds all tools; "
    "Python, git, Chromium and Go, if this machine has it, are there"
)


def measure(*, smoke: bool) -> Iterator[Row]:
    """Preview and test a clone with empty caches, for half an hour.

    A smoke run borrows packages and tools, and runs one file of tests.
    """
    with tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as folder:
        variables = {} if smoke else empty_caches(Path(folder))
        yield from clone_preview_and_test(NOTHING_CACHED, variables, smoke=smoke)


def empty_caches(folder: Path) -> dict[str, str]:
    """Variables that name empty folders as the caches of built tools, Go and pip."""
    return {
        "XDG_CACHE_HOME": str(folder / "cache"),
        "GOPATH": str(folder / "go"),
        "GOMODCACHE": str(folder / "modules"),
        "GOCACHE": str(folder / "builds"),
        "PIP_CACHE_DIR": str(folder / "pip"),
    }
