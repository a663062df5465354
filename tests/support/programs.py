"""Shell scripts that take the place of programs."""

from pathlib import Path


def program(folder: Path, name: str, *lines: str) -> Path:
    """Write an executable shell script into the folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path
