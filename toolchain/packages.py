"""Python packages from hash-pinned lock files."""

import hashlib
import importlib.util
import re
import sys
from pathlib import Path

from toolchain import disk, locks, progress
from toolchain.errors import UserError
from toolchain.paths import CLONE, VENV, VENV_PYTHON, state

LOCK = CLONE / "requirements.txt"
VENV_GIB = 1.5


def ensure_venv() -> None:
    """Make .venv hold exactly what requirements.txt locks; nothing to do if it already does."""
    if _is_current():
        return
    with locks.held(state() / "venv.lock"):
        if not _is_current():
            _make_venv()


def install(python: Path | str, lock: Path, log: Path, *options: str, task: str) -> None:
    """Install what the lock file names, each file checked against its hash. Raises UserError."""
    command = [python, "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", *options, "-r", lock]
    everywhere = re.compile(r"^[\w.-]+==.* \\$", re.MULTILINE)
    total = len(everywhere.findall(lock.read_text(encoding="utf-8")))
    progress.run(command, task=task, log=log, count={r"^Collecting ": f"of {total} found"})


def _lock_hash() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _is_current() -> bool:
    stamp = VENV / "lock.stamp"
    return VENV_PYTHON.exists() and stamp.exists() and stamp.read_text() == _lock_hash()


def _make_venv() -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{sys.executable}: its module {missing[0]} is missing: install it "
            f"(Debian, Ubuntu: apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv)"
        )
    disk.require(VENV, VENV_GIB, "the Python environment")
    logs = state() / "logs"
    progress.run(
        [sys.executable, "-m", "venv", "--clear", VENV],
        task="Python environment (.venv)",
        log=logs / "venv.log",
        count={},
    )
    try:
        install(VENV_PYTHON, LOCK, logs / "pip.log", task="Python packages")
    except UserError as error:
        raise UserError(
            f"{error}; check that the package index can be reached, then run it again"
        ) from None
    (VENV / "lock.stamp").write_text(_lock_hash())
