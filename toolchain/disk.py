"""Refuses to start what the disk has no room for."""

import shutil
from pathlib import Path

from toolchain.errors import UserError

GIB = 1 << 30


def require(path: Path, gibibytes: float, purpose: str) -> None:
    """Raise UserError if the disk that will hold `path` has less free than the purpose needs."""
    folder = next(parent for parent in (path, *path.parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < gibibytes * GIB:
        raise UserError(
            f"{folder}: {free / GIB:.1f} GiB free, and {purpose} needs {gibibytes:g} GiB: "
            "free some space there and run the command again"
        )
