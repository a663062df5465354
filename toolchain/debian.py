"""Installs Debian packages, as root."""

import os
from collections.abc import Sequence

from toolchain import progress
from toolchain.base import state


def install(*packages: str) -> None:
    """Install the packages with apt-get and show progress. Raises UserError if that fails."""
    _apt("update", task="list of Debian packages")
    options = ("--yes", "--no-install-recommends")
    _apt("install", *options, *packages, task=f"Debian packages {', '.join(packages)}")


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
