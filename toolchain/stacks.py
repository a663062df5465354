"""Plans how to run Pulumi for a stack: the program, its environment and its config file."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from problems import Problems
from rules.reader import Place, read_yaml
from stacks.images import NODE_CONTEXT
from stacks.secrets import plain_text_message
from toolchain import plugins, rehearsal, tools
from toolchain.base import CLONE, VENV, VENV_BIN, VENV_PYTHON, UserError, hold_lock, say, state

LOCAL = "local"
"""The stack that needs no account; it renders manifests into the clone."""
CHANGING = ("up", "refresh", "destroy")
PLAN, PREVIEW_ONLY, CONFIG_FILE = "--plan=", "--preview-only", "--config-file"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One `pulumi` command line, ready to start in the project's root."""

    command: list[str]
    environment: dict[str, str]
    root: Path
    rehearsed: bool = False


def plan(
    verb: str, stack: str, arguments: list[str], *, root: Path = CLONE, rehearse: bool = False
) -> Run:
    """Prepare `pulumi VERB` for the stack.

    Without a backend, or with `rehearse`, the stack is rehearsed: its manifests are rendered,
    whatever its cluster is. The stack on this machine's own node needs no backend either, and does
    change its cluster. Raises UserError if there is no such stack, if its file or the project's
    can't be used, if the command has no effect on a rehearsed stack, or if the node does not run.
    """
    prepares_account, cluster = _read_stack(root, stack)
    env, pulumi = base_environment()
    on_node = cluster.get("context") == NODE_CONTEXT
    rehearsed = not on_node and (rehearse or stack == LOCAL or not has_backend(env))
    renders = rehearsed and not prepares_account
    folder = (cluster.get("render") or f"rendered/{stack}") if renders else None
    if rehearsed:
        _refuse_without_effect(verb, stack, renders=renders)
    if rehearsed or on_node:
        kubeconfig = _node_kubeconfig(root) if on_node else os.devnull
        env = rehearsal.environment(root, env, kubeconfig)
    if on_node:
        # An `up` takes over what a killed one has left, instead of reporting a conflict with it.
        env["PULUMI_K8S_ENABLE_PATCH_FORCE"] = "true"
    on_aws = prepares_account or "eks" in cluster
    with hold_lock(state(root) / "run.lock"):
        env |= plugins.environment(env, on_aws=on_aws, rehearsed=rehearsed)
        options = ["--stack", stack]
        if rehearsed or on_node:
            config = rehearsal.prepare(root, stack, folder, pulumi, env)
            options += [CONFIG_FILE, str(config)]
        if rehearsed and verb == "destroy":
            rehearsal.lift_protection(root, stack, pulumi, env)
    if rehearsed and stack != LOCAL and not rehearse:
        rendering = f"`up` renders its manifests into {folder}/ and changes no cluster"
        say(
            f"rehearsal of stack {stack}: no Pulumi backend is set, so "
            f"{rendering if folder else 'it reaches no AWS account'}. Its state is in "
            f"{state(root).name}/, its secrets are made up, and so is the services' image if the "
            "stack has none. To work on the real stack, run `pulumi login` and "
            "`pulumi config set --secret`."
        )
    if verb in CHANGING and (rehearsed or on_node) and PREVIEW_ONLY not in arguments:
        # The engine compares a plan with all of its changes only while it previews them.
        planned = any(argument.startswith(PLAN) for argument in arguments)
        options += ["--yes"] if planned else ["--yes", "--skip-preview"]
        options += ["--clear-pending-creates"] if verb == "refresh" else []
    command = [str(pulumi), verb, *options, *arguments]
    return Run(command=command, environment=env, root=root, rehearsed=rehearsed)


def config_file(run: Run, stack: str) -> Path:
    """The file from which the command reads the stack's configuration."""
    if CONFIG_FILE in run.command:
        return Path(run.command[run.command.index(CONFIG_FILE) + 1])
    return run.root / f"Pulumi.{stack}.yaml"


def verification(stack: str, arguments: list[str], *, root: Path = CLONE) -> Run:
    """Prepare `python -m ops verify` for the stack; for `local`, it looks at `make live`.

    Raises UserError as `plan` does, and for any other stack that is rehearsed: it runs nowhere.
    """
    command = [str(VENV_PYTHON), "-m", "ops", "verify"]
    if stack == LOCAL:
        live = [*command, "--live", *arguments]
        return Run(command=live, environment=python_environment(), root=root)
    run = plan("preview", stack, [], root=root)
    if run.rehearsed:
        raise UserError(
            f"stack {stack} is rehearsed and runs nowhere, so there is nothing to verify. Run "
            "`pulumi login` first, and `make up` if the stack was never deployed."
        )
    command += [f"--stack={stack}", f"{CONFIG_FILE}={config_file(run, stack)}"]
    # The package `ops` is in the clone, and Pulumi finds its project from `root`.
    env = {**run.environment, "PYTHONPATH": str(CLONE)}
    return Run(command=[*command, *arguments], environment=env, root=root)


def _refuse_without_effect(verb: str, stack: str, *, renders: bool) -> None:
    """Raise UserError if the command can't do anything to this rehearsed stack."""
    if verb in CHANGING and not renders:
        raise UserError(
            f"stack {stack} has resources in AWS alone, and a rehearsal reaches no AWS account. "
            f"Run `make preview STACK={stack}` to see them, and `pulumi login` to create them."
        )
    if verb == "refresh":
        raise UserError(
            f"there is nothing to refresh: stack {stack} is rehearsed, and its rendered "
            "manifests are not read back. Remove their folder and run `make up` to write them "
            "again."
        )


def _node_kubeconfig(root: Path) -> str:
    """The kubeconfig of the clone's node, or the user's own. Raises UserError if there is none."""
    kubeconfig = state(root) / "node" / "kubeconfig"
    if kubeconfig.exists():
        return str(kubeconfig)
    if given := os.environ.get("KUBECONFIG"):
        return given
    raise UserError(
        f"no node runs in this clone, and the stack's context is {NODE_CONTEXT}. Start one with "
        "`make cluster`, or set KUBECONFIG."
    )


def base_environment() -> tuple[dict[str, str], Path]:
    """The environment with the project's Python and Pulumi on PATH, and the path of `pulumi`."""
    official = tools.official_pulumi()
    folders = [] if official else tools.folders(["pulumi"])
    pulumi = official or folders[0] / "pulumi"
    env = python_environment()
    env |= {
        "PATH": tools.on_path([VENV_BIN, *folders], os.environ["PATH"]),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    return env, pulumi


def python_environment() -> dict[str, str]:
    """The environment with the project's Python first on PATH.

    Python may keep bytecode: set-up leaves that to the first run, and without it each run would
    compile all packages again, which takes longer than a preview.
    """
    dropped = ("PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
    env = {key: value for key, value in os.environ.items() if key not in dropped}
    path = tools.on_path([VENV_BIN], os.environ["PATH"])
    return {**env, "PATH": path, "VIRTUAL_ENV": str(VENV)}


def _read_stack(root: Path, stack: str) -> tuple[bool, Mapping[str, Any]]:
    """Whether the stack prepares an AWS account, and the section `cluster` of its settings.

    The section is empty if the stack's file has none.

    Raises UserError if there is no such stack, if a file has the wrong shape, or if the stack's
    file has a secret in plain text.
    """
    known = sorted(
        file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        for file in root.glob("Pulumi.*.yaml")
    )
    if stack not in known:
        raise UserError(f"there is no stack `{stack}`. Choose {' or '.join(known)}.")
    problems, name = Problems(), f"Pulumi.{stack}.yaml"
    project, tracked = (read_yaml(root, file, problems) for file in ("Pulumi.yaml", name))
    prepares_account, cluster = False, {}
    if project and tracked:
        declared = _mapping(project.data, "Pulumi.yaml", "the file", problems)
        content = _mapping(tracked.data, name, "the file", problems)
        config = _mapping(content.get("config"), name, "`config`", problems)
        _check_secrets(declared, config, Place(tracked, ("config",)), problems)
        prepares_account = f"{declared.get('name')}:account" in config
        key = f"{declared.get('name')}:settings"
        if key in config and config[key] is None:
            Place(tracked, ("config", key)).report(problems, f"{key} is empty. Write settings.")
        settings = _mapping(config.get(key), name, f"`{key}`", problems)
        cluster = _mapping(settings.get("cluster"), name, "`cluster`", problems)
    if problems:
        raise UserError("\nerror: ".join(problems.lines()))
    return prepares_account, cluster


def _check_secrets(
    project: Mapping[str, Any], config: Mapping[str, Any], place: Place, problems: Problems
) -> None:
    """Report each secret of the stack's file, at `place`, that is in plain text.

    Pulumi and the program see a made-up value instead, so they can't report it.
    """
    for key in rehearsal.secret_keys(project, {"config": config}):
        if key in config and not rehearsal.is_secure(config[key]):
            text = f"{key} {plain_text_message(key.partition(':')[2])}"
            place.at(key).report(problems, text)


def _mapping(data: object, file: str, what: str, problems: Problems) -> Mapping[str, Any]:
    """The data if it is a mapping; empty if there is none, or after noting that it is not one."""
    if data is not None and not isinstance(data, dict):
        problems.add(file, 0, f"{what} is not a mapping. Write `key: value` lines.")
    return data if isinstance(data, dict) else {}


def has_backend(env: Mapping[str, str]) -> bool:
    """Whether the user has configured a Pulumi backend, by login or environment."""
    if env.get("PULUMI_BACKEND_URL") or env.get("PULUMI_ACCESS_TOKEN"):
        return True
    folder = Path(env.get("PULUMI_CREDENTIALS_PATH") or plugins.user_home())
    try:
        return bool(json.loads((folder / "credentials.json").read_text()).get("current"))
    except (OSError, ValueError, AttributeError):
        return False
