"""Runs promtool, and knows the parts of its unit-test files."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

CASES = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}


def run(promtool: str, folder: Path, *arguments: str) -> tuple[bool, str]:
    """Whether promtool is content, and what it prints; it works in `folder`."""
    done = subprocess.run(
        [promtool, *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.returncode == 0, done.stdout + done.stderr


def check_case(promtool: str, folder: Path, name: str, case: dict[str, Any]) -> tuple[bool, str]:
    """Run one case file, given as data, against the rules in `folder`."""
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(case, allow_unicode=True))
    return run(promtool, folder, "test", "rules", f"{name}.yaml")


def load(name: str) -> dict[str, Any]:
    """A case file's data."""
    return yaml.safe_load(CASES[name].read_text())
