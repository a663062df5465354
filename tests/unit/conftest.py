"""Fixtures of the unit tests: the resources that the program declares for each stack."""

from pathlib import Path

import pytest

from tests.support.recording import STACKS, Recording, run_stack
from tests.support.report.report_platform import render_manifests


@pytest.fixture(scope="session")
def recordings() -> dict[str, Recording]:
    """Stack name -> the resources that the stack declares."""
    return {stack: run_stack(stack) for stack in STACKS}


@pytest.fixture(params=STACKS)
def platform(request: pytest.FixtureRequest, recordings: dict[str, Recording]) -> Recording:
    """The resources of one stack; a test with this fixture runs once per stack."""
    return recordings[request.param]


@pytest.fixture(scope="session")
def rendered(recordings: dict[str, Recording], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rendered manifests of the stack `local`."""
    return render_manifests(recordings["local"], tmp_path_factory.mktemp("rendered") / "local")
