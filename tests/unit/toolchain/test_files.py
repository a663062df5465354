"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from toolchain.files import write_whole


def test_a_file_is_replaced_with_its_permissions_and_missing_folders_are_made(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new" / "folder" / "file.json"
    write_whole(path, "ψ old")
    write_whole(path, "ψ new", mode=0o600)
    assert path.read_text(encoding="utf-8") == "ψ new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    write_whole(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"
