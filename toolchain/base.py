"""Basics of set-up: user errors, folders, files, locks, disk space, processes."""

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
    """An error for the user: one line with place, problem and remedy, shown without a traceback."""


def state(root: Path = CLONE) -> Path:
    """The clone's folder for disposable files: rehearsal stacks, passphrase, logs."""
    return root / ".state"


def cache() -> Path:
    """The user's cache folder for tools, which are built or fetched once per machine."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vaultmesh-observability"


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace the file atomically: readers see the old text or the new text, never a part.

    Missing folders are created. `mode` is the file's permissions. On OSError, the old file is
    unchanged and no temporary file remains.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix .part keeps programs that watch the folder from reading the temporary file.
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


def say(text: str) -> None:
    """Tell the user something on stderr; stdout belongs to the programs that are run."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file; print a line if that means waiting.

    The operating system releases the lock however the process ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another set-up to finish ({path})")
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
