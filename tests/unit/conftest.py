"""Fixtures of the unit tests: what the program declares for each stack."""

from pathlib import Path

import pytest

from tests.support.recording import STACKS, Recording, run_stack
from tests.support.report.kpi_platform import render


@pytest.fixture(scope="session")
def recordings() -> dict[str, Recording]:
    """What every stack of the repository declares, by stack name."""
    return {stack: run_stack(stack) for stack in STACKS}


@pytest.fixture(params=STACKS)
def platform(request: pytest.FixtureRequest, recordings: dict[str, Recording]) -> Recording:
    """What one stack declares; a test that asks for it runs once for each stack."""
    return recordings[request.param]


@pytest.fixture(scope="session")
def rendered(recordings: dict[str, Recording], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the manifests of the stack `local`."""
    return render(recordings["local"], tmp_path_factory.mktemp("rendered") / "local")
