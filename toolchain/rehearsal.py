"""Runs a stack without a Pulumi account: its state in the clone, its secrets made up."""

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from stacks.secrets import MADE_UP
from toolchain.config_copy import merge, secret_keys
from toolchain.errors import UserError
from toolchain.paths import state


def environment(root: Path) -> dict[str, str]:
    """A backend in the clone, and a passphrase made once for it; Pulumi asks for neither."""
    folder = state(root)
    folder.mkdir(mode=0o700, exist_ok=True)
    backend = folder / "backend"
    backend.mkdir(exist_ok=True)
    passphrase = folder / "passphrase"
    if not passphrase.exists():
        _replace(passphrase, secrets.token_urlsafe(32))
    return {
        # Without the sidecar file that Pulumi would keep beside each file of the backend: unlike
        # the file itself it is not replaced whole, and a run that is killed can leave it empty.
        "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
    }


def prepare(root: Path, stack: str, pulumi: Path, env: Mapping[str, str]) -> Path:
    """The config file to run the stack with, made from the tracked one and the made-up secrets.

    Made-up secrets and their encryption are kept from one run to the next.
    """
    drop_dead_locks(root)
    folder = state(root) / "config"
    folder.mkdir(exist_ok=True)
    project_text = (root / "Pulumi.yaml").read_text(encoding="utf-8")
    project = yaml.safe_load(project_text)
    _replace(folder / "Pulumi.yaml", project_text)
    path = folder / f"Pulumi.{stack}.yaml"
    tracked = (root / path.name).read_text(encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    wanted = secret_keys(project, yaml.safe_load(tracked) or {})
    text = merge(tracked, kept, wanted)
    _replace(path, text)
    merged = yaml.safe_load(text)

    def run(*command: str, given: str = "") -> None:
        answer = subprocess.run(
            [pulumi, *command, "--non-interactive"],
            cwd=folder,
            env=env,
            input=given,
            capture_output=True,
            text=True,
        )
        if answer.returncode:
            reason = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1:]
            raise UserError(f"pulumi {' '.join(command[:2])}: {''.join(reason)} (in {folder})")

    if not _exists(root, project["name"], stack) or "encryptionsalt" not in merged:
        run("stack", "select", "--create", stack)
        if "encryptionsalt" not in path.read_text(encoding="utf-8"):
            # Pulumi asks for the passphrase anew where a stack has lost its config file.
            passphrase = Path(env["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text(encoding="utf-8")
            command = ("stack", "change-secrets-provider", "passphrase", "--stack", stack)
            run(*command, given=f"{passphrase}\n")
    for key in wanted:
        if key not in merged["config"]:
            value = f"{MADE_UP}{secrets.token_urlsafe(24)}"
            run("config", "set", "--secret", key, "--stack", stack, given=value)
    return path


def drop_dead_locks(root: Path) -> None:
    """Remove the backend locks of Pulumi processes that died on this machine without doing so.

    Only they can hold one for ever: no other machine uses this backend.
    """
    for path in (state(root) / "backend" / ".pulumi" / "locks").rglob("*.json"):
        try:
            holder = json.loads(path.read_text(encoding="utf-8"))
            if holder["hostname"] == socket.gethostname():
                os.kill(holder["pid"], 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except (OSError, ValueError, KeyError):
            continue


def _exists(root: Path, project: str, stack: str) -> bool:
    return any((state(root) / "backend" / ".pulumi" / "stacks" / project).glob(f"{stack}.json*"))


def _replace(path: Path, text: str) -> None:
    """Write the file whole or not at all; only its owner may read it."""
    scratch = path.with_name(f"{path.name}.part")
    scratch.unlink(missing_ok=True)
    with os.fdopen(
        os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    scratch.replace(path)
