"""The real blackbox exporter accepts the probes that are rendered for it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.blackbox import Probe, blackbox_yml
from tests.rules.conftest import ConfigMaps, write
from tests.support.programs import tool
from tests.support.recording import STACKS
from tests.support.rules.promtool import run
from tests.support.settings_strategies import PROBES_OF_A_STACK
from tests.support.verdicts import examples

GENERATED = 300

CHECK = ("--config.check", "--config.file=blackbox.yml")


@pytest.mark.parametrize("stack", STACKS)
def test_the_exporter_accepts_its_configuration(
    stack: str, config_maps: Mapping[str, ConfigMaps], tmp_path: Path
) -> None:
    folder = write(config_maps[stack]["blackbox-exporter"], tmp_path)
    passed, output = run(tool("blackbox_exporter"), folder, *CHECK)
    assert passed, output
    assert "Config file is ok" in output


def test_the_exporter_takes_every_probe_that_the_settings_take(tmp_path: Path) -> None:
    probes = examples(PROBES_OF_A_STACK.map(json.dumps), GENERATED)
    found = {f"{number}": Probe(**json.loads(text)) for number, text in enumerate(probes)}
    assert len(found) > GENERATED / 2
    (tmp_path / "blackbox.yml").write_text(blackbox_yml(found, "0d5s"), encoding="utf-8")
    passed, output = run(tool("blackbox_exporter"), tmp_path, *CHECK)
    assert passed, output


def test_the_check_refuses_an_unknown_field(
    config_maps: Mapping[str, ConfigMaps], tmp_path: Path
) -> None:
    folder = write(config_maps["local"]["blackbox-exporter"], tmp_path)
    file = folder / "blackbox.yml"
    file.write_text(file.read_text().replace("method:", "verb:"))
    passed, output = run(tool("blackbox_exporter"), folder, *CHECK)
    assert not passed
    assert "field verb not found" in output
