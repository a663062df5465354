"""Runs a stack without a Pulumi account: state in the clone, made-up secrets."""

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stacks.images import MADE_UP_IMAGE, SERVICES_IMAGE
from stacks.secrets import MADE_UP, PROJECT, SECRETS, program_secrets
from toolchain.base import UserError, state, write_atomically

_TEXT = "tag:yaml.org,2002:str"


def environment(root: Path, env: Mapping[str, str], kubeconfig: str) -> dict[str, str]:
    """`env` for a backend in the clone with its passphrase file, and for no other cluster."""
    folder = state(root)
    folder.mkdir(mode=0o700, exist_ok=True)
    backend = folder / "backend"
    backend.mkdir(exist_ok=True)
    passphrase = folder / "passphrase"
    if not passphrase.exists():
        write_atomically(passphrase, secrets.token_urlsafe(32), mode=0o600)
    # While it renders, the Kubernetes provider still asks the cluster of the user's kubeconfig, or
    # the one that it runs in, and if that answers, even a preview writes files.
    dropped = ("PULUMI_CONFIG_PASSPHRASE", "KUBERNETES_SERVICE_HOST")
    return {
        **{key: value for key, value in env.items() if key not in dropped},
        "KUBECONFIG": kubeconfig,
        # `metadata=skip` avoids Pulumi's sidecar file beside each file of the backend. Pulumi does
        # not write it atomically, so a killed run could leave it empty.
        "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
    }


def prepare(
    root: Path, stack: str, folder: str | None, pulumi: Path, env: Mapping[str, str]
) -> Path:
    """Write the stack's config file: tracked values, made-up ones, and where it is rendered.

    Secrets are made up, and the services' image if there is none. `folder` is None for a stack that
    is not rendered. Made-up secrets and their encryption persist
    between runs. Returns the file's path. Raises UserError if Pulumi can't create the stack or set
    a secret.
    """
    drop_dead_locks(root)
    if folder and not (root / folder).exists():
        # The provider doesn't look for its files: it would find every resource unchanged.
        forget(root, stack)
    copies = state(root) / "config"
    copies.mkdir(exist_ok=True)
    project_text = (root / "Pulumi.yaml").read_text(encoding="utf-8")
    project = yaml.safe_load(project_text)
    write_atomically(copies / "Pulumi.yaml", project_text, mode=0o600)
    path = copies / f"Pulumi.{stack}.yaml"
    tracked = (root / path.name).read_text(encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    wanted = secret_keys(project, yaml.safe_load(tracked) or {})
    given = tracked
    if folder:
        given = render_into(folder, tracked, f"{project['name']}:settings")
    if folder and SERVICES_IMAGE in project.get("config", {}):
        given = with_image(given, project["name"])
    text = merge(given, kept, wanted)
    write_atomically(path, text, mode=0o600)
    merged = yaml.safe_load(text)

    def run(*command: str, given: str = "") -> None:
        _run(copies, pulumi, env, *command, given=given)

    if not _exists(root, project["name"], stack) or "encryptionsalt" not in merged:
        run("stack", "select", "--create", stack)
        if "encryptionsalt" not in path.read_text(encoding="utf-8"):
            # The stack exists but its config file is lost: Pulumi asks for the passphrase again.
            passphrase = Path(env["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text(encoding="utf-8")
            command = ("stack", "change-secrets-provider", "passphrase", "--stack", stack)
            run(*command, given=f"{passphrase}\n")
    for key in wanted:
        if key not in merged["config"]:
            value = f"{MADE_UP}{secrets.token_urlsafe(24)}"
            run("config", "set", "--secret", key, "--stack", stack, given=value)
    return path


def lift_protection(root: Path, stack: str, pulumi: Path, env: Mapping[str, str]) -> None:
    """Let `destroy` remove all of a rehearsed stack, which holds no data. Raises UserError."""
    _run(state(root) / "config", pulumi, env, "state", "unprotect", "--all", "--yes", "-s", stack)


def _run(
    copies: Path, pulumi: Path, env: Mapping[str, str], *command: str, given: str = ""
) -> None:
    answer = subprocess.run(
        [pulumi, *command, "--non-interactive"],
        cwd=copies,
        env=env,
        input=given,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        reason = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1:]
        raise UserError(
            f"pulumi {' '.join(command[:2])} failed: {''.join(reason)}. "
            f"Correct that, or remove {copies} and run the command again."
        )


def forget(root: Path, stack: str) -> None:
    """Remove the stack's resources from its state, for a stack whose resources are gone."""
    for path in (state(root) / "backend" / ".pulumi" / "stacks").glob(f"*/{stack}.json"):
        latest = json.loads(path.read_text(encoding="utf-8"))["checkpoint"]["latest"] or {}
        if latest.get("resources"):
            path.unlink()


def drop_dead_locks(root: Path) -> None:
    """Remove the backend locks of Pulumi processes that died on this machine.

    Nothing else would release them, because no other machine uses this backend.
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
    return any((state(root) / "backend" / ".pulumi" / "stacks" / project).glob(f"{stack}.json"))


def secret_keys(project: Mapping[str, Any], tracked: Mapping[str, Any]) -> list[str]:
    """The names of all secrets to make up: the project's, the stack file's and the program's.

    Pulumi.yaml can't declare a secret for only some stacks. So each stack gets every secret that
    the program or a workload in either file knows, and reads those that its settings need.
    """
    name, config = project["name"], tracked.get("config") or {}
    declared = [
        key if ":" in key else f"{name}:{key}"
        for key, schema in (project.get("config") or {}).items()
        if isinstance(schema, dict) and schema.get("secret")
    ]
    given = [key for key, value in config.items() if is_secure(value)]
    known = [f"{PROJECT}:{key}" for key in SECRETS] if name == PROJECT else []
    shared = (project.get("config") or {}).get("shared")
    layers = (
        shared.get("default") if isinstance(shared, dict) else None,
        config.get(f"{name}:settings"),
    )
    mounted = [
        f"{name}:{key}"
        for layer in layers
        if isinstance(layer, dict)
        for key, _ in program_secrets(layer)
    ]
    return list(dict.fromkeys([*declared, *given, *known, *mounted]))


def render_into(folder: str, tracked: str, settings: str) -> str:
    """The text of a stack's file whose cluster is rendered into the folder instead of changed.

    `settings` is the key of the program's settings. A file that names a folder keeps its own.
    """
    document = yaml.compose(tracked)
    node = _at(document, "config", settings, "cluster")
    if document is None or not isinstance(node, yaml.MappingNode) or "render" in _entries(node):
        return tracked
    node.value.append(tuple(yaml.ScalarNode(_TEXT, text) for text in ("render", folder)))
    return yaml.serialize(document, allow_unicode=True)


def with_image(tracked: str, project: str) -> str:
    """The text of a stack's file with a made-up services' image, if it is on a cluster without one.

    `project` is the prefix of its keys. A folder alone can name any image: nothing pulls it.
    """
    document = yaml.compose(tracked)
    config, key = _at(document, "config"), f"{project}:{SERVICES_IMAGE}"
    cluster = _entries(_at(config, f"{project}:settings", "cluster"))
    if document is None or not {"eks", "context"} & cluster.keys() or key in _entries(config):
        return tracked
    assert isinstance(config, yaml.MappingNode)  # noqa: S101 - for the type checker
    config.value.append(tuple(yaml.ScalarNode(_TEXT, text) for text in (key, MADE_UP_IMAGE)))
    return yaml.serialize(document, allow_unicode=True)


def merge(tracked: str, kept: str, wanted: list[str]) -> str:
    """Merge the tracked file's plain values with the rehearsal's secrets and encryption.

    The tracked secrets can't be decrypted here: they use another passphrase or a key service.
    Values keep their exact text, because Pulumi and PyYAML resolve some scalars to different types.
    """
    ours, theirs = _entries(yaml.compose(kept)), _entries(yaml.compose(tracked))
    for key in ("secretsprovider", "encryptedkey", "encryptionsalt"):
        theirs.pop(key, None)
    config = {
        key: entry
        for key, entry in _entries(theirs.get("config", (None, None))[1]).items()
        if "secure" not in _entries(entry[1])
    }
    if "encryptionsalt" in ours:
        theirs["encryptionsalt"] = ours["encryptionsalt"]
        secure = _entries(ours.get("config", (None, None))[1])
        config |= {
            key: entry
            for key, entry in secure.items()
            if key in wanted and "secure" in _entries(entry[1])
        }
    theirs["config"] = (yaml.ScalarNode(_TEXT, "config"), _mapping(config))
    return yaml.serialize(_mapping(theirs), allow_unicode=True)


Entries = dict[str, tuple[yaml.Node, yaml.Node]]


def _entries(node: yaml.Node | None) -> Entries:
    """A mapping's entries by key; empty for any other node."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {key.value: (key, value) for key, value in pairs}


def _at(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    """The value at a path of nested mappings; None if there is none."""
    for key in path:
        node = _entries(node).get(key, (None, None))[1]
    return node


def _mapping(entries: Entries) -> yaml.MappingNode:
    return yaml.MappingNode("tag:yaml.org,2002:map", list(entries.values()), flow_style=False)


def is_secure(value: Any) -> bool:
    """Whether the value of a stack's file is encrypted."""
    return isinstance(value, dict) and "secure" in value
