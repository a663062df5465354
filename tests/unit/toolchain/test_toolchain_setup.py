"""Set-up chooses Python, Go, Pulumi, packages and a browser, and refuses in one line."""

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.programs import program
from toolchain import browser, debian, golang, packages, stacks, tools
from toolchain.base import CLONE, UserError

ENTRY = CLONE / "toolchain" / "__main__.py"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty PATH, cache and home, and no package index; its PATH folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    for module in (golang, debian):
        monkeypatch.setattr(module, "state", lambda: tmp_path / "state")
    return folder


def test_the_entry_is_readable_for_any_python_3():
    ast.parse(ENTRY.read_text(), feature_version=(3, 3))


def test_set_up_begins_with_the_standard_library_alone():
    imports = "import toolchain.commands, toolchain.packages, toolchain.golang"
    subprocess.run([sys.executable, "-S", "-c", imports], cwd=CLONE, check=True)


def test_an_old_python_is_refused_in_one_line():
    old = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); runpy.run_module('toolchain')"
    )
    result = subprocess.run([sys.executable, "-c", old], cwd=CLONE, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "is Python 3.9, and 3.11 or newer is needed" in result.stderr


def test_go_missing_without_network_is_one_line_that_says_what_to_do(bare: Path, tmp_path: Path):
    with pytest.raises(UserError) as refused:
        golang.find()
    text = str(refused.value)
    assert "\n" not in text
    assert "Go 1.26 or newer is needed" in text
    assert "Install Go" in text
    assert str(tmp_path / "state") in text
    assert not list((tmp_path / "cache").rglob("part"))


def test_a_go_that_is_too_old_is_not_used(bare: Path):
    old = program(bare, "go", "echo go1.25.9")
    assert golang.version_of(old) == (1, 25)
    with pytest.raises(UserError, match=f"{old} is older"):
        golang.find()


@pytest.mark.parametrize(
    "version", ["go1.26", "go1.26.8", "go1.30.1 X:nocoverageredesign", "go2.0"]
)
def test_a_go_that_is_new_enough_is_used(bare: Path, version: str):
    go = program(bare, "go", f"echo {version}")
    assert golang.find() == go


def test_an_official_pulumi_on_path_is_used_and_nothing_is_built(
    bare: Path, monkeypatch: pytest.MonkeyPatch
):
    pulumi = program(bare, "pulumi")
    program(bare, "pulumi-language-python")
    monkeypatch.setattr(tools, "folders", lambda names: pytest.fail("it builds"))
    env, used = stacks.base_environment()
    assert used == pulumi
    assert env["PATH"].split(os.pathsep) == [str(stacks.VENV_BIN), str(bare)]


def test_an_official_pulumi_behind_a_link_finds_its_host_beside_itself(bare: Path, tmp_path: Path):
    installed = program(tmp_path / "opt", "pulumi")
    program(tmp_path / "opt", "pulumi-language-python")
    (bare / "pulumi").symlink_to(installed)
    assert tools.official_pulumi() == bare / "pulumi"


def test_a_pulumi_without_its_python_host_is_not_official(bare: Path):
    program(bare, "pulumi")
    assert tools.official_pulumi() is None


class TestVenv:
    """A .venv in a folder of its own, with every program that would be run recorded."""

    @pytest.fixture
    def ran(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        ran: list[str] = []
        locks = [tmp_path / "requirements.txt", tmp_path / "requirements-dev.txt"]
        for lock in locks:
            lock.write_text("a==1 \\\n    --hash=sha256:00\n")
        for name, value in {
            "VENV": tmp_path / ".venv",
            "VENV_PYTHON": tmp_path / ".venv" / "bin" / "python",
            "VENV_LOCKS": locks,
            "state": lambda: tmp_path / "state",
        }.items():
            monkeypatch.setattr(packages, name, value)

        def run(command: list[object], *, task: str, **_: object) -> None:
            ran.append(task)
            program(tmp_path / ".venv" / "bin", "python")

        monkeypatch.setattr(packages.progress, "run", run)
        return ran

    def test_a_second_set_up_runs_nothing(self, ran: list[str]):
        packages.ensure_venv(dev=True)
        assert ran == ["Python environment (.venv)", "Python packages"]
        packages.ensure_venv(dev=True)
        assert len(ran) == 2

    def test_the_program_needs_its_own_packages_and_others_are_added_to_them(
        self, ran: list[str], monkeypatch: pytest.MonkeyPatch
    ):
        installed: list[str] = []

        def install(_python: Path, locks: Sequence[Path], *_: object, task: str) -> None:
            ran.append(task)
            installed.extend(lock.name for lock in locks)

        monkeypatch.setattr(packages, "install", install)
        packages.ensure_venv(dev=False)
        assert installed == ["requirements.txt"]
        packages.ensure_venv(dev=False)
        packages.ensure_venv(dev=True)
        assert installed == ["requirements.txt", "requirements-dev.txt"]
        packages.ensure_venv(dev=False)
        assert ran == ["Python environment (.venv)", "Python packages", "Python packages"]

    @pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
    def test_a_changed_lock_file_recreates_the_venv(
        self, ran: list[str], tmp_path: Path, lock: str
    ):
        packages.ensure_venv(dev=True)
        (tmp_path / lock).write_text("a==2 \\\n    --hash=sha256:00\n")
        packages.ensure_venv(dev=True)
        assert len(ran) == 4

    def test_an_interrupted_installation_is_started_over(
        self, ran: list[str], monkeypatch: pytest.MonkeyPatch
    ):
        def cut(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(packages, "install", cut)
            packages.ensure_venv(dev=True)
        packages.ensure_venv(dev=True)
        assert ran.count("Python environment (.venv)") == 2

    def test_an_interrupted_addition_to_the_program_s_packages_is_started_over(
        self, ran: list[str], monkeypatch: pytest.MonkeyPatch
    ):
        def cut(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        packages.ensure_venv(dev=False)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(packages, "install", cut)
            packages.ensure_venv(dev=True)
        packages.ensure_venv(dev=False)
        assert ran.count("Python environment (.venv)") == 2

    @pytest.mark.parametrize("before", [None, False], ids=["all", "the second step"])
    def test_a_full_disk_is_refused_before_anything_runs(
        self, ran: list[str], monkeypatch: pytest.MonkeyPatch, before: bool | None
    ):
        if before is not None:
            packages.ensure_venv(dev=before)
        ran.clear()
        monkeypatch.setattr(packages, "VENV_GIB", 1e9)
        with pytest.raises(UserError, match="the Python environment needs"):
            packages.ensure_venv(dev=True)
        assert ran == []

    def test_a_venv_that_is_a_link_is_refused_and_stays(self, ran: list[str], tmp_path: Path):
        (tmp_path / "other").mkdir()
        (tmp_path / ".venv").symlink_to(tmp_path / "other")
        with pytest.raises(UserError, match=r"/\.venv is a link, .*Remove it"):
            packages.ensure_venv(dev=True)
        assert ran == []

    def test_a_python_without_venv_is_refused_by_name(
        self, ran: list[str], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(UserError, match=r"its module venv is missing. Install it"):
            packages.ensure_venv(dev=True)
        assert ran == []


def apt(folder: Path, installs: str) -> None:
    program(folder, "apt-get", f'echo "$@" >> {folder}/asked', installs)


@pytest.mark.parametrize("name", browser.NAMES)
def test_a_browser_on_path_is_used(bare: Path, name: str) -> None:
    path = program(bare, name)
    apt(bare, "exit 1")
    assert browser.ensure() == str(path)
    assert not (bare / "asked").exists()


def test_root_on_debian_gets_a_browser_installed(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made = f'[ "$2" = install ] && printf "#!/bin/sh\\n" > {bare}/chromium'
    apt(bare, f"{made} && /bin/chmod +x {bare}/chromium; exit 0")
    assert browser.ensure() == str(bare / "chromium")
    asked = (bare / "asked").read_text().splitlines()
    assert asked == ["--quiet update", "--quiet install --yes --no-install-recommends chromium"]


@pytest.mark.parametrize(("user", "has_apt"), [(1000, True), (0, False)])
def test_a_user_who_may_not_install_packages_gets_instructions(
    bare: Path, monkeypatch: pytest.MonkeyPatch, user: int, has_apt: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if has_apt:
        apt(bare, "exit 0")
    with pytest.raises(
        UserError, match=r"no browser is on PATH.*Install one of chromium"
    ) as refused:
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
