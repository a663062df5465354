"""The clone in which stacks are planned."""

from pathlib import Path

import pytest

from tests.support.clone import make_clone


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_clone(tmp_path, monkeypatch)
