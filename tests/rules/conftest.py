"""The files that Prometheus loads, as the stack `local` renders them, in a folder for promtool."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.recording import run_stack

STACK = "local"
MOUNT = "/etc/config"


@pytest.fixture(scope="session")
def promtool() -> str:
    """The promtool on PATH."""
    found = shutil.which("promtool")
    assert found, "promtool is not on PATH: run `make test`, which provides it"
    return found


@pytest.fixture(scope="session")
def rendered() -> Mapping[str, str]:
    """The texts of the ConfigMap `prometheus-server`, by key."""
    return run_stack(STACK).one("ConfigMap", "prometheus-server")["data"]


@pytest.fixture(scope="session")
def folder(rendered: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with these files, the place of promtool's work."""
    return write(rendered, tmp_path_factory.mktemp("config"))


def write(texts: Mapping[str, str], folder: Path) -> Path:
    """Write the files into a folder, in which they then find each other as in the pod."""
    for name, text in texts.items():
        (folder / name).write_text(text.replace(MOUNT, str(folder)))
    return folder
