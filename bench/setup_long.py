"""How long a fresh clone takes to the end of `make test`, with empty caches and with full ones."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.results import Row
from bench.setup import borrow_packages, fresh_clone, make

NOTHING_CACHED = (
    "nothing cached: downloads packages and modules, builds Pulumi and its provider; "
    "Python, git and Go, if this machine has it, are there"
)


def measure(*, smoke: bool) -> Iterator[Row]:
    """Clone and test with empty caches, then check and test again; this takes nearly an hour.

    A smoke run borrows packages and tools, and runs one file of tests.
    """
    with fresh_clone() as (root, _), tempfile.TemporaryDirectory() as folder:
        variables = {} if smoke else empty_caches(Path(folder))
        tests = ("ARGS=tests/unit/test_schedules.py",) if smoke else ()
        if smoke:
            borrow_packages(root)
        preview = make(
            root,
            "fresh clone to the first `make preview`",
            "preview",
            note=NOTHING_CACHED,
            **variables,
        )
        yield preview
        test = make(root, "", "test", *tests, note="", **variables)
        yield Row(
            what="fresh clone to the end of `make test`",
            value=preview.value + test.value,
            unit="s",
            note="the same, and builds all that the five levels need; Chromium is there",
        )
        again = "all tools are built"
        if not smoke:
            yield make(root, "`make check`", "check", note=again, **variables)
        yield make(root, "`make test`", "test", *tests, note=again, **variables)


def empty_caches(folder: Path) -> dict[str, str]:
    """Variables that name empty folders as the caches of built tools, Go and pip."""
    return {
        "XDG_CACHE_HOME": str(folder / "cache"),
        "GOPATH": str(folder / "go"),
        "GOMODCACHE": str(folder / "modules"),
        "GOCACHE": str(folder / "builds"),
        "PIP_CACHE_DIR": str(folder / "pip"),
    }
