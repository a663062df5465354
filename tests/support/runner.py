"""Runs `python -m ops live` as a process."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from tests.support.series import ROOT

LIMIT_SECONDS = 120


def start(
    manifests: Path, state: Path, network: str, *arguments: str, **environment: str
) -> subprocess.Popen[str]:
    """Start the command; its stdout carries stderr too."""
    command = [sys.executable, "-u", "-m", "ops", "live", f"--manifests={manifests}"]
    command += [f"--state={state}", f"--network={network}", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(
    manifests: Path, state: Path, network: str, *arguments: str, **environment: str
) -> tuple[int, str]:
    """Run the command to its end, and return its exit code and output."""
    with start(manifests, state, network, *arguments, **environment) as process:
        try:
            output, _ = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            process.kill()
    return process.returncode, output


def wait_for_line(process: subprocess.Popen[str], text: str) -> list[str]:
    """The lines up to one that matches the pattern; kills a process that takes too long."""
    lines: list[str] = []
    late = threading.Timer(LIMIT_SECONDS, process.kill)
    late.start()
    try:
        for line in process.stdout or ():
            lines.append(line)
            if re.search(text, line):
                return lines
    finally:
        late.cancel()
    raise AssertionError(f"the process ended without {text!r}: {''.join(lines)}")
