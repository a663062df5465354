"""The Go programs that the project uses; each is built once per machine."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from toolchain import golang
from toolchain.base import MODULES, cache, hold_lock, require_disk
from toolchain.golang import Program

BUILD_GIB = {
    "pulumi": 3.5,
    "promtool": 3.0,
    "prometheus": 3.5,
    "amtool": 0.5,
    "alertmanager": 0.7,
    "blackbox_exporter": 0.6,
}
"""Free disk space in GiB for each tool's first build: sources, Go's build cache, programs.

Prometheus and Alertmanager are estimates: measured sizes of their command-line tools plus a margin.
"""

PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
PULUMI_VERSION = f"{PULUMI_SDK}/go/common/version.Version"
PROMETHEUS_VERSION = "github.com/prometheus/common/version.Version"


def _prometheus_program(name: str, module: str, version: str) -> tuple[Program]:
    """A program of the Prometheus project; all have the same layout of commands and version."""
    return (
        Program(
            name=name,
            module=module,
            package=f"github.com/prometheus/{module}/cmd/{name}",
            variables=(f"{PROMETHEUS_VERSION}={version}",),
        ),
    )


TOOLS: dict[str, tuple[Program, ...]] = {
    "pulumi": (
        Program(
            name="pulumi",
            module="pulumi",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            variables=(f"{PULUMI_VERSION}=3.255.0",),
        ),
        # Later releases moved the language host to a module that builds only in its repository.
        Program(
            name="pulumi-language-python",
            module="pulumi-language-python",
            package=f"{PULUMI_SDK}/python/cmd/pulumi-language-python",
            variables=(f"{PULUMI_VERSION}=3.75.0",),
            script=("pulumi", PULUMI_SDK, "python/cmd/pulumi-language-python-exec"),
        ),
    ),
    "promtool": _prometheus_program("promtool", "prometheus", "3.13.5"),
    "prometheus": _prometheus_program("prometheus", "prometheus", "3.13.5"),
    "amtool": _prometheus_program("amtool", "alertmanager", "0.31.1"),
    "alertmanager": _prometheus_program("alertmanager", "alertmanager", "0.31.1"),
    "blackbox_exporter": (
        Program(
            name="blackbox_exporter",
            module="blackbox_exporter",
            package="github.com/prometheus/blackbox_exporter",
            variables=(f"{PROMETHEUS_VERSION}=0.28.0",),
        ),
    ),
}
"""The programs of each tool, by tool; they share a folder, as `pulumi` and its host must."""
SERVERS = ("prometheus", "alertmanager", "blackbox_exporter")
TEST_TOOLS = ("promtool", "amtool", *SERVERS)


def folders(names: Sequence[str]) -> list[Path]:
    """The tools' folders; builds missing tools first. Raises UserError."""
    if any(not folder_of(name).exists() for name in names):
        with hold_lock(cache() / "build.lock"):
            _build([name for name in names if not folder_of(name).exists()])
    return [folder_of(name) for name in names]


def official_pulumi() -> Path | None:
    """The user's `pulumi` on PATH, if its Python language host is beside it; else None."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        return None
    beside = Path(pulumi).resolve().with_name("pulumi-language-python")
    return Path(pulumi) if beside.exists() or shutil.which("pulumi-language-python") else None


def folder_of(name: str) -> Path:
    """The tool's folder; its name includes a hash of everything that determines its programs."""
    parts = [repr(TOOLS[name]).encode()]
    for program in TOOLS[name]:
        pinned_in = [program.module, *(program.script[:1] if program.script else ())]
        parts += [
            (MODULES / module / file).read_bytes()
            for module in pinned_in
            for file in ("go.mod", "go.sum")
        ]
    return cache() / f"{name}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}"


def _build(names: Sequence[str]) -> None:
    if not names:
        return
    require_disk(cache(), sum(map(BUILD_GIB.__getitem__, names)), f"building {', '.join(names)}")
    go = golang.find()
    total, number = sum(len(TOOLS[name]) for name in names), 0
    for name in names:
        with tempfile.TemporaryDirectory(dir=cache(), prefix="build-part-") as scratch:
            part = Path(scratch) / "part"
            part.mkdir()
            for program in TOOLS[name]:
                number += 1
                golang.build(go, program, part, task=f"{program.name} {number} of {total}")
            part.rename(folder_of(name))


def on_path(folders: Iterable[Path], path: str) -> str:
    """PATH with the folders first."""
    return os.pathsep.join([*map(str, folders), path])
