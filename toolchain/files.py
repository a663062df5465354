"""Writes a file whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace the file by one with this text, in one step; a reader sees the old text or the new.

    Missing folders are made. `mode` is the file's permissions. Raises OSError, and then leaves the
    old file as it was and nothing beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # It ends in .part, so that no program takes it for one of the files that it looks for.
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).chmod(mode)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
