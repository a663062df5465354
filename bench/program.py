"""The program and its stacks, as benchmarks use them: a copy, settings, and a running stack."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import yaml

from bench.load import DIES_WITH_US
from ops.prometheus_api import Prometheus
from stacks.secrets import PROJECT
from stacks.settings.layers import merged
from stacks.settings.schema import Settings
from toolchain import stacks, tools
from toolchain.base import CLONE, VENV, UserError

MANIFESTS = f"rendered/{stacks.LOCAL}/1-manifest"
"""Where `up` of the stack `local` writes its manifests, below the program's folder."""
NETWORK = "127.94.1"
"""The addresses of the run's pods, which no other run uses."""
READY_SECONDS = 90
STOP_SECONDS = 30
"""How long `make live` may take to end its processes, before it is killed with them."""


@contextmanager
def copy_of_the_program() -> Iterator[Path]:
    """A folder with the files of this repository, edited ones too, and this Python environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CLONE,
        check=True,
        capture_output=True,
        text=True,
    )
    with tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as folder:
        root = Path(folder, "copy")
        for name in filter(None, listed.stdout.split("\0")):
            if (CLONE / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(CLONE / name, root / name)
        (root / VENV.name).symlink_to(VENV)
        yield root


def settings(stack: str) -> Settings:
    """The settings of the stack of this name."""
    project = yaml.safe_load((CLONE / "Pulumi.yaml").read_text(encoding="utf-8"))
    own = yaml.safe_load((CLONE / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    shared = project["config"]["shared"]["default"]
    values = merged(shared, own["config"][f"{PROJECT}:settings"])
    return Settings.model_validate(values, by_name=False)


@contextmanager
def run_live(root: Path, speed: int) -> Iterator[Prometheus]:
    """The rendered stack as `make live` runs it, once all targets are up. Raises UserError."""
    environment = stacks.base_environment()[0]
    path = tools.on_path(tools.folders(tools.SERVERS), environment["PATH"])
    command = [*DIES_WITH_US, sys.executable, "-u", "-m", "ops", "live", f"--speed={speed}"]
    command += [f"--manifests={root / MANIFESTS}"]
    command += [f"--state={root}/.state/live", f"--network={NETWORK}"]
    log = root / "live.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=CLONE, env={**environment, "PATH": path}, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not re.search(r"targets: (\d+) of \1 up", log.read_text(encoding="utf-8")):
            if process.poll() is not None or time.monotonic() > deadline:
                text = log.read_text(encoding="utf-8")
                raise UserError(f"`make live` is not ready:\n{text[-2000:]}")
            time.sleep(0.1)
        # The list of pods comes first; alerts name the pod too.
        address = re.findall(r"prometheus-server-0 +(\S+)", log.read_text(encoding="utf-8"))[0]
        with closing(Prometheus(address)) as prometheus:
            yield prometheus
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
