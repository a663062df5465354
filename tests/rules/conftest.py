"""The files that Prometheus and Alertmanager load, exactly as the real engine renders them."""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.support.programs import tool
from tests.support.project import Project
from tests.support.recording import STACKS
from toolchain.base import hold_lock, write_atomically

CASES_ARE_FOR = "local"
"""The stack that the case files describe: the one without overrides."""
MOUNT = "/etc/config"

ConfigMaps = Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="session")
def promtool() -> str:
    return tool("promtool")


@pytest.fixture(scope="session")
def amtool() -> str:
    return tool("amtool")


@pytest.fixture(scope="session")
def config_maps(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ConfigMaps]:
    """Stack -> name -> data of its ConfigMaps, as `pulumi up` renders them.

    The first pytest worker that needs them renders them for all workers.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    file = shared / "config-maps.json"
    with hold_lock(shared / "config-maps.lock"):
        if not file.exists():
            folder = tmp_path_factory.mktemp("render")
            with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as threads:
                # A rehearsal, even if the user who runs the tests has a Pulumi login.
                patch.setattr("toolchain.stacks.has_backend", lambda env: False)
                maps = threads.map(lambda one: rendered_by_the_engine(folder / one, one), STACKS)
                content = json.dumps(dict(zip(STACKS, maps, strict=True)))
            write_atomically(file, content)
    return json.loads(file.read_text(encoding="utf-8"))


def rendered_by_the_engine(root: Path, stack: str) -> ConfigMaps:
    project = Project.of_the_platform(root)
    path = project.root / f"Pulumi.{stack}.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    folder = f"rendered/{stack}"
    settings = values["config"]["vaultmesh:settings"]
    # Without a context, so that the stack `node` needs no node.
    on_eks = {key: name for key, name in settings["cluster"].items() if key == "eks"}
    settings["cluster"] = {**on_eks, "render": folder}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    result = project.up(stack=stack)
    assert result.code == 0, result.text
    return {
        manifest["metadata"]["name"]: manifest["data"]
        for manifest in project.rendered(folder).values()
        if manifest["kind"] == "ConfigMap"
    }


@pytest.fixture(scope="session")
def rendered(config_maps: Mapping[str, ConfigMaps]) -> Mapping[str, str]:
    """The texts of the ConfigMap `prometheus-server` that the case files are about, by key."""
    return config_maps[CASES_ARE_FOR]["prometheus-server"]


@pytest.fixture(scope="session")
def folder(rendered: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with these files, in which promtool runs."""
    return write(rendered, tmp_path_factory.mktemp("config"))


@pytest.fixture(params=STACKS)
def stack_folder(
    request: pytest.FixtureRequest, config_maps: Mapping[str, ConfigMaps], tmp_path: Path
) -> Path:
    """A folder with one stack's files; a test with this fixture runs once per stack."""
    maps = config_maps[request.param]
    return write({**maps["prometheus-server"], **maps["alertmanager"]}, tmp_path)


def write(texts: Mapping[str, str], folder: Path) -> Path:
    """Write the files into a folder, where relative paths between them resolve as in the pod."""
    for name, text in texts.items():
        (folder / name).write_text(text.replace(MOUNT, str(folder)))
    return folder
