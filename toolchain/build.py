"""Builds one Go program from its pinned module."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from toolchain import progress
from toolchain.errors import UserError
from toolchain.paths import MODULES, cache


@dataclass(frozen=True, kw_only=True)
class Program:
    """One Go program: `package`, built in the folder `module`, with strings set by the linker."""

    name: str
    module: str
    package: str
    variables: tuple[str, ...] = ()
    script: tuple[str, str, str] | None = None
    """A script that must lie beside the program: the folder that pins its module, module, path."""


def build(go: Path, program: Program, folder: Path, task: str) -> None:
    """Build the program into the folder, showing progress as the task. Raises UserError."""
    environment = _environment()
    settings = " ".join(["-s", "-w", *(f"-X {variable}" for variable in program.variables)])
    command = [
        go,
        "build",
        "-v",
        "-trimpath",
        "-ldflags",
        settings,
        "-o",
        folder / program.name,
        program.package,
    ]
    progress.run(
        command,
        task=task,
        log=cache() / "logs" / f"{program.name}.log",
        count={r"^go: downloading ": "modules fetched", r"^[\w.-]+(/|$)": "packages compiled"},
        cwd=MODULES / program.module,
        env=environment,
    )
    if program.script:
        _copy_script(go, *program.script, folder, environment)


def _copy_script(
    go: Path, pinned_in: str, module: str, path: str, folder: Path, env: dict[str, str]
) -> None:
    command = [go, "mod", "download", "-json", module]
    answer = subprocess.run(
        command, capture_output=True, text=True, env=env, cwd=MODULES / pinned_in
    )
    found = json.loads(answer.stdout or "{}")
    if "Dir" not in found:
        raise UserError(
            f"{module} could not be fetched: {found.get('Error') or answer.stderr.strip()}"
        )
    script = Path(shutil.copy(Path(found["Dir"], path), folder))
    script.chmod(0o755)


def _environment() -> dict[str, str]:
    fixed = {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    return {**os.environ, **fixed}
