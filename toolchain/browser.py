"""A browser for the tests that look at pages: the user's own, or Debian's chromium."""

import os
import shutil
from collections.abc import Sequence

from toolchain import progress
from toolchain.errors import UserError
from toolchain.paths import state

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "chromium"


def find() -> str | None:
    """The path of a browser on PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def ensure() -> str:
    """The path of a browser, installed first where this user may. Raises UserError."""
    if found := find():
        return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise UserError(
            f"no browser is found, and the tests look at a page: install one of {', '.join(NAMES)} "
            f"(Debian, as root: apt-get install {PACKAGE})"
        )
    _apt("update", task="list of Debian packages")
    _apt("install", "--yes", "--no-install-recommends", PACKAGE, task=f"Debian package {PACKAGE}")
    if found := find():
        return found
    raise UserError(
        f"apt-get has installed {PACKAGE}, and still none of {', '.join(NAMES)} is found"
    )


def _apt(verb: str, *arguments: str, task: str) -> None:
    command: Sequence[str] = ["apt-get", "--quiet", verb, *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    progress.run(
        command,
        task=task,
        log=state() / "logs" / f"apt-{verb}.log",
        count={r"^Get:": "files fetched"},
        env=environment,
    )
