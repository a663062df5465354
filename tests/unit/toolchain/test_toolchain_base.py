"""The ground floor of set-up: whole files, disk space, programs that Ctrl-C ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from toolchain.base import CLONE, UserError, require_disk, write_atomically


def test_a_file_is_replaced_with_its_permissions_and_missing_folders_are_made(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new" / "folder" / "file.json"
    write_atomically(path, "ψ old")
    write_atomically(path, "ψ new", mode=0o600)
    assert path.read_text(encoding="utf-8") == "ψ new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_a_full_disk_is_refused_with_what_is_free_and_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10 << 30, 9 << 30, 1 << 30))
    with pytest.raises(UserError, match=rf"{tmp_path}: 1.0 GiB are free, and building needs 6 GiB"):
        require_disk(tmp_path / "not" / "there" / "yet", 6, "building")
    require_disk(tmp_path, 1, "building")


def test_ctrl_c_waits_until_the_program_has_cleaned_up(tmp_path: Path) -> None:
    waits = (
        "import sys; from toolchain.base import *; run_and_wait(sys.argv[1:], os.environ, CLONE)"
    )
    cleans = f"trap 'sleep 0.6; touch {tmp_path}/cleaned; exit' INT; touch {tmp_path}/up; sleep 30"
    command = [sys.executable, "-c", waits, "sh", "-c", cleans]
    with subprocess.Popen(
        command, cwd=CLONE, start_new_session=True, stderr=subprocess.PIPE
    ) as process:
        while not (tmp_path / "up").exists():
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
    assert (tmp_path / "cleaned").exists()
    assert process.returncode == -signal.SIGINT
