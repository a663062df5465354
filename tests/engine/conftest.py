"""Fixtures of the engine tests."""

from pathlib import Path

import pytest

from tests.support.project import Project


@pytest.fixture(autouse=True)
def no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rehearse every stack, even if the user who runs the tests has a Pulumi login."""
    monkeypatch.setattr("toolchain.stacks.has_backend", lambda env: False)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the program with its own state; its path contains a space, as users' paths may."""
    return Project.of_the_platform(tmp_path / "a clone")
