"""Finds a browser for tests and pictures: the user's own, or Debian's chromium."""

import os
import shutil

from toolchain import debian
from toolchain.base import UserError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "chromium"


def find() -> str | None:
    """The path of a browser on PATH, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def ensure() -> str:
    """The path of a browser; if there is none and the user is root, installs Debian's.

    Raises UserError if no browser can be found or installed.
    """
    if found := find():
        return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise UserError(
            "no browser is on PATH, and the command opens pages in one. "
            f"Install one of {', '.join(NAMES)} (Debian, as root: apt-get install {PACKAGE})."
        )
    debian.install(PACKAGE)
    if found := find():
        return found
    raise UserError(
        f"apt-get has installed {PACKAGE}, and none of {', '.join(NAMES)} is on PATH. "
        "Add the folder of the browser to PATH."
    )
