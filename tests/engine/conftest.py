"""Fixtures of the engine tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import Project


@pytest.fixture(autouse=True, scope="session")
def no_backend() -> Iterator[None]:
    """Rehearse every stack, even if the user who runs the tests has a Pulumi login."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolchain.stacks.has_backend", lambda env: False)
        yield


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the program with its own state; its path contains a space, as users' paths may."""
    return Project.of_the_platform(tmp_path / "a clone")
