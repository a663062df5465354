"""The ground floor of set-up: errors for the user, folders, files, locks, disk space, processes."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
VENV = CLONE / ".venv"
VENV_BIN = VENV / "bin"
VENV_PYTHON = VENV_BIN / "python"
MODULES = CLONE / "toolchain" / "go"
"""One folder with go.mod and go.sum for each set of tools that is built together."""
GIB = 1 << 30


class UserError(Exception):
    """One line for the user: what is wrong, where, and what to do. Shown without a traceback."""


def state(root: Path = CLONE) -> Path:
    """The clone's folder for things that can be made again: rehearsal stacks, passphrase, logs."""
    return root / ".state"


def cache() -> Path:
    """The user's folder for tools that are built or fetched once a machine."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vaultmesh-observability"


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


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file, and say so while waiting for it.

    The system releases the lock when the process ends, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another set-up to finish ({path})", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def require_disk(path: Path, gibibytes: float, purpose: str) -> None:
    """Raise UserError if the disk that will hold `path` has less free space than `gibibytes`."""
    folder = next(parent for parent in (path, *path.parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < gibibytes * GIB:
        raise UserError(
            f"{folder}: {free / GIB:.1f} GiB are free, and {purpose} needs {gibibytes:g} GiB. "
            "Free some space there and run the command again."
        )


def run_and_wait(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> int:
    """Run the command and return its exit code; after Ctrl-C, let it clean up before raising."""
    with subprocess.Popen(command, env=env, cwd=cwd) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise
