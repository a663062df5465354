"""How long a fresh clone takes to the end of `make test` and `make check` with all tools built."""

from collections.abc import Iterator

from bench.parts.setup import clone_preview_and_test
from bench.results import Row

CACHED = "all tools are built, packages are in pip's cache"


def measure(*, smoke: bool) -> Iterator[Row]:
    """Preview, test and check a clone, for 25 to 45 minutes.

    A smoke run borrows packages, and runs one file of tests.
    """
    yield from clone_preview_and_test(CACHED, {}, smoke=smoke, apart=True)
