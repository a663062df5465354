"""What judges the rendered manifests: checkov, and the API's schemas of two Kubernetes versions."""

import hashlib
import sys
from pathlib import Path

from toolchain import golang, packages, progress
from toolchain.base import CLONE, MODULES, cache, hold_lock, require_disk, state
from toolchain.golang import ModuleFile

LOCK = CLONE / "toolchain" / "checkov.txt"
SPECIFICATION = ModuleFile(module="k8s.io/kubernetes", path="api/openapi-spec/swagger.json")
KUBERNETES = {"v1.34": "kubernetes", "v1.36": "kubernetes-newest"}
"""The oldest and the newest version that EKS supports, each with the go.mod that pins it.

Source: the EKS user guide, "Understand the Kubernetes version lifecycle": standard support of 1.34
ends on 2026-12-02; 1.36 is the newest that the guide names.
"""


def ensure() -> None:
    """Fetch what is missing, once per machine. Raises UserError if it can't be fetched."""
    checkov()
    for version in KUBERNETES:
        specification(version)


def specification(version: str) -> Path:
    """The OpenAPI specification of a Kubernetes version's API, in JSON."""
    return golang.fetch_file(golang.find(), SPECIFICATION, MODULES / KUBERNETES[version])


def checkov() -> Path:
    """The program `checkov`, in an environment of its own; installs it first if it is missing."""
    home = cache() / f"checkov-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    stamp = home / "installed"
    with hold_lock(cache() / "checkov.lock"):
        if not stamp.exists():
            require_disk(cache(), 1, "checkov")
            progress.run(
                [sys.executable, "-m", "venv", "--clear", home],
                task="checkov's environment",
                log=state() / "logs" / "checkov-venv.log",
                count={},
            )
            packages.install(
                home / "bin" / "python", [LOCK], state() / "logs" / "checkov.log", task="checkov"
            )
            stamp.touch()
    return home / "bin" / "checkov"
