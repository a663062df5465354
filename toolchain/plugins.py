"""Chooses the official plugin or the stand-in for each provider that a stack needs."""

import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from toolchain.base import CLONE, VENV_PYTHON, state, write_atomically

FETCH_SECONDS = 120
"""Time limit for downloading an official plugin; after it, the stand-in is used."""


def environment(packages: Iterable[str], pulumi: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Environment variables that tell the engine where each package's plugin is.

    Empty if all plugins are official, because the engine finds those itself.
    """
    versions = {package: importlib.metadata.version(f"pulumi-{package}") for package in packages}
    official = {
        package: is_official(package, versions[package], pulumi, env) for package in versions
    }
    if all(official.values()):
        return {}
    home = state() / "pulumi"
    for package, version in versions.items():
        folder = home / "plugins" / f"resource-{package}-v{version}"
        launcher = folder / f"pulumi-resource-{package}"
        folder.mkdir(parents=True, exist_ok=True)
        if not official[package]:
            _write_launcher(launcher, package, version)
        elif not shutil.which(launcher.name):
            launcher.unlink(missing_ok=True)
            launcher.symlink_to(_installed(package, version) / launcher.name)
    return {
        "PULUMI_HOME": str(home),
        "PULUMI_CREDENTIALS_PATH": env.get("PULUMI_CREDENTIALS_PATH") or str(user_home()),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def is_official(package: str, version: str, pulumi: Path, env: Mapping[str, str]) -> bool:
    """Whether the official plugin is installed or can be fetched; remembers a failed fetch."""
    if shutil.which(f"pulumi-resource-{package}") or _installed(package, version).is_dir():
        return True
    failed = state() / "unavailable" / f"{package}-{version}"
    if failed.exists():
        return False
    if _fetch(package, version, pulumi, env):
        return True
    failed.parent.mkdir(parents=True, exist_ok=True)
    failed.touch()
    return False


def user_home() -> Path:
    """The user's Pulumi home, with plugins and login."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def _installed(package: str, version: str) -> Path:
    return user_home() / "plugins" / f"resource-{package}-v{version}"


def _fetch(package: str, version: str, pulumi: Path, env: Mapping[str, str]) -> bool:
    print(
        f"{package} provider {version}: fetching the official plugin ...",
        file=sys.stderr,
        flush=True,
    )
    command = [pulumi, "plugin", "install", "resource", package, version]
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        limit = threading.Timer(FETCH_SECONDS, process.kill)
        limit.start()
        for line in process.stdout or ():
            # Pulumi would retry five times; one failure is enough to use the stand-in.
            if "rror downloading" in line:
                process.kill()
        limit.cancel()
    return process.returncode == 0


def _write_launcher(path: Path, package: str, version: str) -> None:
    """Write a plugin executable that runs the stand-in with the project's Python."""
    run = shlex.join([str(VENV_PYTHON), "-m", "toolchain.standin", package, version])
    text = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(CLONE))} exec {run} "$@"\n'
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text, mode=0o755)
