"""Runs a service that ends by itself, as a CronJob does."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.support.recording import ROOT


def run_once(service: str, settings: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Run `python -m services.SERVICE`. Returns its exit code and the one line it logs."""
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        cwd=ROOT,
        env={f"{service}_{name}".upper(): value for name, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=20,
    )
    (line,) = (done.stdout + done.stderr).splitlines()
    return done.returncode, json.loads(line)
