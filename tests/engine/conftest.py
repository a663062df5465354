"""Fixtures of the engine tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import Project
from toolchain import stacks
from toolchain.base import state


@pytest.fixture(autouse=True, scope="session")
def no_backend() -> Iterator[None]:
    """Rehearse every stack, even if the user who runs the tests has a Pulumi login."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolchain.stacks.has_backend", lambda env: False)
        yield


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a project whose stack `local` has its made-up secrets, which take seconds."""
    project = Project.of_the_platform(tmp_path_factory.mktemp("made-up") / "a clone")
    stacks.plan("preview", stacks.LOCAL, [], root=project.root)
    return state(project.root)


@pytest.fixture
def project(tmp_path: Path, made_up: Path) -> Project:
    """A copy of the program with its own state; its path contains a space, as users' paths may."""
    project = Project.of_the_platform(tmp_path / "a clone")
    shutil.copytree(made_up, state(project.root), symlinks=True)
    return project
