"""Python packages: writes the lock files and installs .venv from them."""

import hashlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from toolchain import progress
from toolchain.base import CLONE, VENV, VENV_PYTHON, UserError, hold_lock, require_disk, state

PROGRAM, DEV = CLONE / "requirements.txt", CLONE / "requirements-dev.txt"
"""The program's packages, which `pulumi install` installs, and those for tests and commands."""
VENV_LOCKS = (PROGRAM, DEV)
"""The lock files of .venv, in the order of installation."""
VENV_GIB = 1.5

UV = "uv==0.13.9"
COMPILE = (
    *("pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate"),
    *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock"),
)
PYTHON_311 = ("--python-version", "3.11")
BESIDE_PROGRAM = ("--constraint", PROGRAM.name)
LOCKS: dict[str, tuple[str, ...]] = {
    "requirements.txt": ("pyproject.toml", *PYTHON_311),
    "requirements-dev.txt": (
        *("pyproject.toml", "--group", "dev"),
        *(*PYTHON_311, *BESIDE_PROGRAM),
    ),
    # The Dockerfile uses this Python version and installs only wheels.
    "services/requirements.txt": (
        *("--group", "services", "--python-version", "3.12", "--only-binary", ":all:"),
        *(*BESIDE_PROGRAM, "--constraint", DEV.name),
    ),
    "toolchain/go.txt": ("--group", "go", *PYTHON_311),
    # Its pins contradict those of requirements-dev.txt, so it has an environment of its own.
    "toolchain/checkov.txt": ("--group", "checkov", *PYTHON_311),
}
"""Lock files in the order of writing, with uv's options for their part of pyproject.toml."""


def ensure_venv(*, dev: bool) -> None:
    """Make .venv match its lock files exactly; do nothing if it already does.

    Without `dev`, the program's packages are enough. Raises UserError.
    """
    wanted = len(VENV_LOCKS) if dev else 1
    if _installed() >= wanted:
        return
    with hold_lock(state() / "venv.lock"):
        if (found := _installed()) < wanted:
            require_disk(VENV, VENV_GIB, "the Python environment")
            if not found:
                _make_venv()
            # An installation that is interrupted leaves no stamp, so it is started over.
            _stamp().unlink(missing_ok=True)
            _install_venv(VENV_LOCKS[found:wanted])
            _stamp().write_text(lock_hash(wanted))


def install(python: Path | str, locks: Sequence[Path], log: Path, *options: str, task: str) -> None:
    """Install the packages of the lock files, checking hashes. Raises UserError."""
    command = [python, "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", *options]
    for lock in locks:
        command += ["-r", lock]
    total = sum(len(_names(lock)) for lock in locks)
    progress.run(
        command, task=task, log=log, count={r"^(Collecting|Ignoring) ": f"of {total} found"}
    )


def write_locks(options: Sequence[str]) -> None:
    """Write all lock files from pyproject.toml; `--upgrade` replaces the pinned versions.

    requirements-dev.txt omits the packages in requirements.txt: the two are installed together.
    """
    home = state() / "uv"
    pip = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--upgrade", "--target", home]
    subprocess.run([*pip, UV], check=True)
    for file, sources in LOCKS.items():
        command = [home / "bin" / "uv", *COMPILE, *sources, "--output-file", file, *options]
        if file == DEV.name:
            command += [f"--no-emit-package={name}" for name in sorted(set(_names(PROGRAM)))]
        if subprocess.run(command, cwd=CLONE).returncode:
            raise UserError(f"{file}: can't be written. See uv's message above.")


def _names(lock: Path) -> list[str]:
    """The packages in a lock file, one entry for each pinned version."""
    text = lock.read_text(encoding="utf-8")
    return re.findall(r"^([\w.-]+)==.*\\$", text, re.MULTILINE)


def lock_hash(number: int) -> str:
    """A hash of the first lock files of .venv."""
    return hashlib.sha256(b"".join(lock.read_bytes() for lock in VENV_LOCKS[:number])).hexdigest()


def _installed() -> int:
    """How many of VENV_LOCKS .venv has installed, in their order; 0 if it does not match them."""
    text = _stamp().read_text() if VENV_PYTHON.exists() and _stamp().exists() else ""
    numbers = range(len(VENV_LOCKS), 0, -1)
    return next((number for number in numbers if text == lock_hash(number)), 0)


def _stamp() -> Path:
    """The file in .venv that tells which lock files are installed whole, by their hash."""
    return VENV / "lock.stamp"


def _make_venv() -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{sys.executable}: its module {missing[0]} is missing. Install it (Debian, Ubuntu: "
            f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv)."
        )
    if VENV.is_symlink():
        raise UserError(
            f"{VENV} is a link, which set-up would follow. Remove it and run this again."
        )
    progress.run(
        [sys.executable, "-m", "venv", "--clear", VENV],
        task="Python environment (.venv)",
        log=state() / "logs" / "venv.log",
        count={},
    )


def _install_venv(locks: Sequence[Path]) -> None:
    try:
        install(VENV_PYTHON, locks, state() / "logs" / "pip.log", task="Python packages")
    except UserError as error:
        raise UserError(
            f"{error} Check that the package index can be reached and run the command again."
        ) from None
