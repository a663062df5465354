"""Gives the engine its provider plugins, and a stand-in for the AWS plugin in rehearsals."""

import importlib.metadata
import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from toolchain import tools
from toolchain.base import CLONE, VENV_PYTHON, say, state, write_atomically

FETCH_SECONDS = 120
"""Time limit for downloading the official plugin; after it, the plugin is built."""
KUBERNETES = "pulumi-resource-kubernetes"


def environment(env: Mapping[str, str], *, on_aws: bool, rehearsed: bool) -> dict[str, str]:
    """Environment variables that tell the engine where the stack's plugins are.

    Empty if the engine finds them itself. A rehearsal never gets the official AWS plugin, which
    would contact an account. Raises UserError if the Kubernetes plugin can't be built.
    """
    official = _official_kubernetes(env)
    stand_in = on_aws and rehearsed
    if official and not stand_in:
        return {}
    # Two folders, so that a real run can't come across the stand-in.
    home = state() / ("home-with-stand-in" if stand_in else "home")
    _link(_plugin(home, "kubernetes"), official or tools.kubernetes_provider())
    if stand_in:
        _write_launcher(_plugin(home, "aws"))
    found = {
        "PULUMI_HOME": str(home),
        "PULUMI_CREDENTIALS_PATH": env.get("PULUMI_CREDENTIALS_PATH") or str(user_home()),
    }
    if stand_in or not on_aws:
        # The engine would fetch the plugin of each Python package, even if no stack needs it.
        found["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return found


def user_home() -> Path:
    """The user's Pulumi home, with plugins and login."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def _plugin(home: Path, package: str) -> Path:
    """Where the engine looks for the plugin of an installed Python package."""
    version = importlib.metadata.version(f"pulumi-{package}")
    return home / "plugins" / f"resource-{package}-v{version}" / f"pulumi-resource-{package}"


def _official_kubernetes(env: Mapping[str, str]) -> Path | None:
    """The official plugin if the user's Pulumi has or can fetch it; remembers a failed fetch."""
    pulumi = tools.official_pulumi()
    if pulumi is None:
        return None
    installed = _plugin(user_home(), "kubernetes")
    if installed.exists():
        return installed
    if on_path := shutil.which(KUBERNETES):
        return Path(on_path)
    failed = state() / "unavailable" / f"kubernetes-{tools.PROVIDER_VERSION}"
    if failed.exists():
        return None
    if _fetch(pulumi, env):
        return installed
    failed.parent.mkdir(parents=True, exist_ok=True)
    failed.touch()
    return None


def _fetch(pulumi: Path, env: Mapping[str, str]) -> bool:
    version = tools.PROVIDER_VERSION
    say(f"Kubernetes provider {version}: fetching it ...")
    with subprocess.Popen(
        [pulumi, "plugin", "install", "resource", "kubernetes", version],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        limit = threading.Timer(FETCH_SECONDS, process.kill)
        limit.start()
        for line in process.stdout or ():
            # Pulumi would retry five times; one failure is enough to build the plugin instead.
            if "rror downloading" in line:
                process.kill()
        limit.cancel()
    return process.returncode == 0


def _link(path: Path, target: Path) -> None:
    """Make `path` a link to the target, atomically: other runs may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}-{os.getpid()}")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target)
    scratch.replace(path)


def _write_launcher(path: Path) -> None:
    """Write a plugin executable that runs the AWS stand-in with the project's Python."""
    run = shlex.join([str(VENV_PYTHON), "-m", "toolchain.aws_standin"])
    text = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(CLONE))} exec {run} "$@"\n'
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text, mode=0o755)
