"""Programs on PATH, and shell scripts that take the place of programs."""

import shutil
from pathlib import Path


def tool(name: str) -> str:
    """The path of a program on PATH."""
    found = shutil.which(name)
    assert found, f"{name} is not on PATH: run `make test`, which provides it"
    return found


def program(folder: Path, name: str, *lines: str) -> Path:
    """Write an executable shell script into the folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path
