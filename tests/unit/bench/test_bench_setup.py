"""What a fresh clone starts from when its set-up is measured."""

import subprocess
from pathlib import Path

import pytest

from bench.parts import setup, setup_long
from tests.support.programs import program
from toolchain.base import CLONE, VENV_BIN, UserError, cache


def test_a_fresh_clone_finds_nothing_of_this_clone_and_its_make() -> None:
    found = setup.plain_environment(
        {
            "PATH": f"{VENV_BIN}:{cache()}/pulumi-0:/usr/bin",
            "VIRTUAL_ENV": str(VENV_BIN.parent),
            "PYTHONPATH": str(CLONE),
            # What `make bench ARGS=setup` hands down.
            "ARGS": "setup",
            "MAKEFLAGS": " -- ARGS=setup",
            "HOME": "/home/me",
        }
    )
    assert found == {"PATH": "/usr/bin", "HOME": "/home/me"}


def test_a_fresh_clone_has_the_newest_commit_and_no_environment() -> None:
    with setup.fresh_clone() as (root, took):
        log = ["git", "rev-parse", "HEAD"]
        commits = {
            subprocess.run(log, cwd=folder, capture_output=True, check=True).stdout
            for folder in (root, CLONE)
        }
        assert len(commits) == 1
        assert not (root / ".venv").exists() and took > 0
        setup.borrow_packages(root)
        imported = [root / ".venv/bin/python", "-c", "import yaml, pytest"]
        assert subprocess.run(imported, cwd=root).returncode == 0
    assert not root.exists()


def test_make_is_run_in_the_clone_with_its_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(
        tmp_path / "bin", "make", 'echo "$PWD $1 $XDG_CACHE_HOME $2" > called; test "$1" = check'
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    variables = setup_long.empty_caches(tmp_path / "new")
    row = setup.make(tmp_path, "checks", "check", note="all", **variables)
    called, _, python = (tmp_path / "called").read_text().strip().rpartition(" PYTHON=")
    assert called == f"{tmp_path} check {tmp_path}/new/cache"
    assert Path(python).exists() and not Path(python).is_relative_to(VENV_BIN)
    assert (row.what, row.unit, row.note) == ("checks", "s", "all") and row.value > 0
    with pytest.raises(UserError, match=r"make test PYTHON=.* failed"):
        setup.make(tmp_path, "tests", "test", note="")
