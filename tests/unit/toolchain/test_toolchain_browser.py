"""The browser of the tests: the user's own, else installed where that is allowed, else one line."""

import os
from pathlib import Path

import pytest

from tests.support.programs import program
from toolchain import browser
from toolchain.errors import UserError


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any browser; its only folder of programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    monkeypatch.setattr(browser, "state", lambda: tmp_path / "state")
    return folder


def apt(folder: Path, installs: str) -> None:
    program(folder, "apt-get", f'echo "$@" >> {folder}/asked', installs)


@pytest.mark.parametrize("name", browser.NAMES)
def test_a_browser_on_path_is_used(bare: Path, name: str) -> None:
    path = program(bare, name)
    apt(bare, "exit 1")
    assert browser.ensure() == str(path)
    assert not (bare / "asked").exists()


def test_root_on_debian_gets_one(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made = f'[ "$2" = install ] && printf "#!/bin/sh\\n" > {bare}/chromium'
    apt(bare, f"{made} && /bin/chmod +x {bare}/chromium; exit 0")
    assert browser.ensure() == str(bare / "chromium")
    asked = (bare / "asked").read_text().splitlines()
    assert asked == ["--quiet update", "--quiet install --yes --no-install-recommends chromium"]


@pytest.mark.parametrize(("user", "has_apt"), [(1000, True), (0, False)])
def test_who_may_not_install_is_told_what_to_do(
    bare: Path, monkeypatch: pytest.MonkeyPatch, user: int, has_apt: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if has_apt:
        apt(bare, "exit 0")
    with pytest.raises(UserError, match=r"no browser is found.*install one of chromium") as refused:
        browser.ensure()
    assert "\n" not in str(refused.value)
    assert not (bare / "asked").exists()


def test_an_installation_that_fails_is_one_line_with_its_log(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt(bare, 'echo "E: error: no such host"; exit 100')
    with pytest.raises(UserError, match=r"Debian packages failed: .*no such host.*apt-update\.log"):
        browser.ensure()
