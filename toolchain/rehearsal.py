"""Runs a stack without a Pulumi account: its state in the clone, its secrets made up."""

import copy
import json
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

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
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
    }


def prepare(root: Path, stack: str, pulumi: Path, env: Mapping[str, str]) -> Path:
    """The config file to run the stack with, made from the tracked one and the made-up secrets.

    Made-up secrets and their encryption are kept from one run to the next.
    """
    drop_dead_locks(root)
    folder = state(root) / "config"
    folder.mkdir(exist_ok=True)
    project = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))
    _replace(folder / "Pulumi.yaml", yaml.safe_dump(project, sort_keys=False))
    path = folder / f"Pulumi.{stack}.yaml"
    tracked = yaml.safe_load((root / path.name).read_text(encoding="utf-8")) or {}
    kept = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}
    wanted = secret_keys(project, tracked)
    merged = merge(tracked, kept, wanted)
    _replace(path, yaml.safe_dump(merged, sort_keys=False, allow_unicode=True))

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
            run("stack", "change-secrets-provider", "passphrase", "--stack", stack)
    for key in wanted:
        if key not in merged.get("config", {}):
            run("config", "set", "--secret", key, "--stack", stack, given=secrets.token_urlsafe(24))
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


def secret_keys(project: Mapping[str, Any], tracked: Mapping[str, Any]) -> list[str]:
    """The secrets to make up: what the project declares, what the stack has set, what it may need.

    Pulumi.yaml can't declare a secret that not every stack has, so a stack that reaches a cluster
    gets all that the program knows.
    """
    name, config = project["name"], tracked.get("config") or {}
    declared = [
        key if ":" in key else f"{name}:{key}"
        for key, schema in (project.get("config") or {}).items()
        if isinstance(schema, dict) and schema.get("secret")
    ]
    given = [key for key, value in config.items() if _is_secure(value)]
    cluster = (config.get(f"{name}:settings") or {}).get("cluster") or {}
    known = [] if "render" in cluster else _known_to_the_program(name)
    return list(dict.fromkeys([*declared, *given, *known]))


def _known_to_the_program(project: str) -> list[str]:
    # Imported where it is needed: it takes half a second.
    from stacks.settings import PROJECT, SECRETS

    return [f"{PROJECT}:{key}" for key in SECRETS] if project == PROJECT else []


def merge(tracked: Mapping[str, Any], kept: Mapping[str, Any], wanted: list[str]) -> dict[str, Any]:
    """The tracked file's plain values with the rehearsal's own secrets and encryption.

    Its secrets can't be read here: another passphrase or a key service has encrypted them.
    """
    encryption = ("secretsprovider", "encryptedkey", "encryptionsalt")
    merged: dict[str, Any] = {
        key: copy.deepcopy(value) for key, value in tracked.items() if key not in encryption
    }
    config = {
        key: value for key, value in (merged.get("config") or {}).items() if not _is_secure(value)
    }
    if "encryptionsalt" in kept:
        merged["encryptionsalt"] = kept["encryptionsalt"]
        config |= {key: value for key, value in (kept.get("config") or {}).items() if key in wanted}
    return {**merged, "config": config}


def _is_secure(value: Any) -> bool:
    return isinstance(value, dict) and "secure" in value


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
