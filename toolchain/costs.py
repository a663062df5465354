"""The command behind `make cost`: previews stacks and has their parts priced."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import yaml

from toolchain import stacks
from toolchain.base import CLONE, VENV_PYTHON, UserError, state, write_atomically


def main(arguments: Sequence[str]) -> NoReturn:
    """Exec the table of the stack in `--stack=NAME`, or of every stack in AWS without it.

    Raises UserError if a stack can't be previewed.
    """
    [named, *rest] = arguments
    name = named.removeprefix("--stack=")
    files = [preview(stack) for stack in ([name] if name else stacks_in_aws(CLONE))]
    os.chdir(CLONE)
    os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "ops", "cost", *map(str, files), *rest])


def stacks_in_aws(root: Path) -> list[str]:
    """The names of the stacks whose file sets a region of AWS."""
    files = sorted(root.glob("Pulumi.*.yaml"))
    configs = {file: yaml.safe_load(file.read_text(encoding="utf-8"))["config"] for file in files}
    return [
        file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        for file, config in configs.items()
        if "aws:region" in config
    ]


def preview(stack: str, root: Path = CLONE) -> Path:
    """The file with the preview of everything that the stack would have; secrets are masked.

    Raises UserError if the stack can't be previewed.
    """
    run = stacks.plan("preview", stack, ["--json", "--show-sames"], root=root)
    ended = subprocess.run(
        run.command, cwd=run.root, env=run.environment, stdout=subprocess.PIPE, text=True
    )
    if ended.returncode:
        raise UserError(f"stack {stack} can't be previewed. `make preview STACK={stack}` says why.")
    path = state(root) / "cost" / f"{stack}.json"
    write_atomically(path, json.dumps(json.loads(ended.stdout)), mode=0o600)
    return path
