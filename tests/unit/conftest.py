"""Fixtures of the unit tests: what the program declares for each stack."""

import pytest

from tests.unit.recording import STACKS, Recording, run_stack


@pytest.fixture(scope="session")
def recordings() -> dict[str, Recording]:
    """What every stack of the repository declares, by stack name."""
    return {stack: run_stack(stack) for stack in STACKS}


@pytest.fixture(params=STACKS)
def platform(request: pytest.FixtureRequest, recordings: dict[str, Recording]) -> Recording:
    """What one stack declares; a test that asks for it runs once for each stack."""
    return recordings[request.param]
