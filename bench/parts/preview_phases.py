"""Where the time of a preview goes: what the program imports, reads, checks and composes."""

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from bench.measuring import measured_row
from bench.results import Goal, Row
from toolchain import stacks
from toolchain.base import CLONE, VENV_PYTHON, UserError

COMPOSING = "compose(): everything before the first resource"
LIMITS = {COMPOSING: Goal(comparison="<", limit=0.08)}
PACKAGES = ("pulumi", "pulumi_kubernetes", "grafana_foundation_sdk", "pydantic", "grpc", "google")
"""The packages with a row of their own, as modules are called."""
IMPORTS = (
    "import stacks.program, stacks.settings, stacks.outputs, stacks.platform; "
    "from bench.preview_program import load_classes; load_classes()"
)
"""All that a preview without AWS imports, the classes of its resources too."""
IMPORT, PEAK = "import of ", "peak_bytes"
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")


def measure(*, smoke: bool) -> Iterator[Row]:
    """The medians of the phases: start, imports by package, and what the program composes."""
    rounds = 1 if smoke else 5
    ours = {path.stem for path in CLONE.iterdir() if path.suffix in ("", ".py")}
    found: list[Mapping[str, float]] = []
    for _ in range(rounds + 1):
        imports = by_package(import_times(_python("-X", "importtime", "-c", IMPORTS).stderr), ours)
        found.append({**imports, **json.loads(_python("-m", "bench.preview_program").stdout)})
    # The first run compiles modules.
    del found[0]
    for name in found[0]:
        yield phase([each[name] for each in found], name)


def phase(values: Sequence[float], name: str) -> Row:
    """The row of a phase that was measured several times, or of the peak memory."""
    if name == PEAK:
        what = "peak memory of the program, before resources"
        return measured_row(values, what=what, unit="bytes")
    clock = "wall time" if name.startswith(IMPORT) else "CPU time"
    return measured_row(values, what=name, unit="s", goal=LIMITS.get(name), note=clock)


def import_times(messages: str) -> Iterator[tuple[str, float]]:
    """(module, seconds without what it imports) from what `python -X importtime` writes."""
    for micros, module in _IMPORT.findall(messages):
        yield module, int(micros) / 1e6


def by_package(times: Iterable[tuple[str, float]], ours: set[str]) -> dict[str, float]:
    """Seconds of the imports of each package of PACKAGES, of our own and of all others."""
    found: dict[str, float] = defaultdict(float)
    for module, seconds in times:
        top = module.partition(".")[0].removesuffix("_core")
        name = top if top in PACKAGES else "our own modules" if top in ours else "all else"
        found[f"{IMPORT}{name}"] += seconds
    return dict(sorted(found.items(), key=itemgetter(1), reverse=True))


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [VENV_PYTHON, *arguments],
        cwd=CLONE,
        env=stacks.python_environment(),
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise UserError(f"python {' '.join(arguments)} failed:\n{ended.stderr[-2000:]}")
    return ended
