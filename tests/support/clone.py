"""A clone of a small project, in which a user runs the toolchain."""

import os
from pathlib import Path

import pytest
import yaml

from tests.support.programs import program
from toolchain import plugins, tools

PROJECT = {
    "name": "demo",
    "config": {
        "settings": {"type": "object"},
        "password": {"type": "string", "secret": True},
        "other:token": {"type": "string", "secret": True},
    },
}
RENDERED = {"config": {"demo:settings": {"cluster": {"render": "out"}}}}
ON_EKS = {"config": {"demo:settings": {"cluster": {"eks": "aurora"}}}}
LOGIN = '{"current": "s3://state"}'


def make_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with two stacks and a user's own Pulumi that notes how it is called."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for key in [key for key in os.environ if key.startswith("PULUMI_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    program(tmp_path / "bin", "pulumi-language-python")
    program(tmp_path / "bin", "pulumi", f'echo "$*" >> {tmp_path}/calls', "exit 0")
    monkeypatch.setattr(tools, "folders", lambda names: pytest.fail("it builds"))
    monkeypatch.setattr(plugins, "state", lambda: tmp_path / "plugin-state")
    root = tmp_path / "clone"
    root.mkdir()
    for name, content in {"": PROJECT, ".local": RENDERED, ".staging": ON_EKS}.items():
        (root / f"Pulumi{name}.yaml").write_text(yaml.safe_dump(content))
    return root


def calls(clone: Path) -> list[str]:
    """How the user's Pulumi was called so far."""
    noted = clone.parent / "calls"
    return noted.read_text().splitlines() if noted.exists() else []


def log_in(clone: Path) -> None:
    """Give the user a Pulumi login."""
    home = clone.parent / "home" / ".pulumi"
    home.mkdir(parents=True)
    (home / "credentials.json").write_text(LOGIN)
