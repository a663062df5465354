"""How long an edited threshold takes to be evaluated, in `make live`."""

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bench.edits import (
    ENDED,
    copy_of_the_program,
    has_text,
    is_loaded,
    set_threshold,
    stages,
    up,
)
from bench.results import Row
from components.prometheus import INTERVAL
from ops.live.command import FASTEST
from ops.prometheus_api import Prometheus
from toolchain import stacks, tools
from toolchain.base import CLONE, UserError

NETWORK = "127.94.1"
"""The addresses of the run's pods, which no other run uses."""
READY_SECONDS = 90
THRESHOLDS = (0.2, 0.3)
MANIFESTS = f"rendered/{stacks.LOCAL}/1-manifest"
STEPS = {
    "written": ("until `up` has written the ConfigMap", ""),
    "loaded": ("from there until Prometheus has loaded it", ""),
    "evaluated": ("from there until the rule is evaluated", f"every {INTERVAL}"),
}
"""What happens to an edited threshold, in this order: its text in the table, and a note."""


def measure(*, smoke: bool) -> Iterator[Row]:
    """Edit the threshold while the stack `local` runs; a smoke run evaluates it every 0.5 s."""
    speed, thresholds = (FASTEST, THRESHOLDS[:1]) if smoke else (1, THRESHOLDS)
    with copy_of_the_program() as root:
        up(root, stacks.LOCAL, {})
        with live(root, speed) as prometheus:
            edits = [_edit(root, prometheus, threshold) for threshold in thresholds]
    yield from rows("`make live`", edits, STEPS)


def rows(
    where: str, edits: Sequence[Mapping[str, float]], steps: Mapping[str, tuple[str, str]]
) -> list[Row]:
    """The whole way of the edits, `up` alone, and what each step adds; the last is evaluation."""
    parts, note = stages(edits, [*steps]), f"median of {len(edits)}" if len(edits) > 1 else ""
    whole = statistics.median(edit[[*steps][-1]] for edit in edits)
    return [
        Row(what=f"{where}: from `up` to the first evaluation", value=whole, unit="s", note=note),
        Row(
            what=f"{where}: `up` itself",
            value=statistics.median(edit[ENDED] for edit in edits),
            unit="s",
        ),
        *(
            Row(what=f"{where}: {text}", value=parts[step], unit="s", note=note)
            for step, (text, note) in steps.items()
        ),
    ]


def _edit(root: Path, prometheus: Prometheus, threshold: float) -> dict[str, float]:
    query, rendered = set_threshold(root, stacks.LOCAL, threshold), root / MANIFESTS
    return up(
        root,
        stacks.LOCAL,
        {
            "written": lambda: has_text(rendered, "v1-configmap-*-prometheus-server.yaml", query),
            "loaded": lambda: is_loaded(prometheus, query),
            "evaluated": lambda: is_loaded(prometheus, query, evaluated=True),
        },
    )


@contextmanager
def live(root: Path, speed: int) -> Iterator[Prometheus]:
    """The rendered stack as `make live` runs it, once all targets are up. Raises UserError."""
    environment = stacks.base_environment()[0]
    path = tools.on_path(tools.folders(tools.SERVERS), environment["PATH"])
    command = [sys.executable, "-u", "-m", "ops", "live", f"--speed={speed}"]
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
        process.wait()
