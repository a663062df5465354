"""Where things are: the clone, what set-up makes in it, and the cache that clones share."""

import os
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
VENV = CLONE / ".venv"
VENV_BIN = VENV / "bin"
VENV_PYTHON = VENV_BIN / "python"
MODULES = CLONE / "toolchain" / "go"
"""One folder with go.mod and go.sum for each set of tools that is built together."""


def state(root: Path = CLONE) -> Path:
    """Where a clone keeps what it may lose: rehearsal stacks, their passphrase, logs."""
    return root / ".state"


def cache() -> Path:
    """The per-user folder for what is built or fetched once a machine."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vaultmesh-observability"
