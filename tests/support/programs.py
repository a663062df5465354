"""Stand-ins for programs that set-up would run."""

from pathlib import Path


def program(folder: Path, name: str, *lines: str) -> Path:
    """An executable shell script in the folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path
