"""Fixtures of the engine tests."""

from pathlib import Path

import pytest

from tests.support.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the whole program with its own state; a space in its path, as users have them."""
    return Project.of_the_platform(tmp_path / "a clone")
