"""The real blackbox exporter accepts the probes that are rendered for it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rules.conftest import ConfigMaps, write
from tests.support.programs import tool
from tests.support.recording import STACKS
from tests.support.rules.promtool import run

CHECK = ("--config.check", "--config.file=blackbox.yml")


@pytest.mark.parametrize("stack", STACKS)
def test_the_exporter_accepts_its_configuration(
    stack: str, config_maps: Mapping[str, ConfigMaps], tmp_path: Path
) -> None:
    folder = write(config_maps[stack]["blackbox-exporter"], tmp_path)
    passed, output = run(tool("blackbox_exporter"), folder, *CHECK)
    assert passed, output
    assert "Config file is ok" in output


def test_the_check_refuses_an_unknown_field(
    config_maps: Mapping[str, ConfigMaps], tmp_path: Path
) -> None:
    folder = write(config_maps["local"]["blackbox-exporter"], tmp_path)
    file = folder / "blackbox.yml"
    file.write_text(file.read_text().replace("method:", "verb:"))
    passed, output = run(tool("blackbox_exporter"), folder, *CHECK)
    assert not passed
    assert "field verb not found" in output
