"""How long an edited threshold takes to be evaluated, in `make live`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from bench.edits import (
    ENDED,
    has_text,
    is_loaded,
    set_threshold,
    stage_times,
    up,
)
from bench.measuring import measured_row
from bench.program import MANIFESTS, copy_of_the_program, run_live
from bench.results import Row
from components.prometheus import INTERVAL
from ops.live.command import FASTEST
from ops.prometheus_api import Prometheus
from toolchain import stacks

THRESHOLDS = (0.2, 0.3, 0.4, 0.35, 0.25)
STEPS = {
    "written": ("until `up` has written the ConfigMap", ""),
    "loaded": ("from there until Prometheus has loaded it", ""),
    "evaluated": (
        "from there until the rule is evaluated",
        f"after any edit {INTERVAL} at most, half of it on average",
    ),
}
"""What happens to an edited threshold, in this order: its text in the table, and a note."""


def measure(*, smoke: bool) -> Iterator[Row]:
    """Edit the threshold while the stack `local` runs; a smoke run evaluates it every 0.5 s."""
    speed, thresholds = (FASTEST, THRESHOLDS[:1]) if smoke else (1, THRESHOLDS)
    with copy_of_the_program() as root:
        up(root, stacks.LOCAL, {})
        with run_live(root, speed) as prometheus:
            *others, last = thresholds
            edits = [
                _edit(root, prometheus, threshold, ["written", "loaded"]) for threshold in others
            ]
            edits.append(_edit(root, prometheus, last, STEPS))
    yield from rows("`make live`", edits, STEPS)


def rows(
    where: str, edits: Sequence[Mapping[str, float]], steps: Mapping[str, tuple[str, str]]
) -> list[Row]:
    """The way until Prometheus has loaded the edit, `up` alone, and what each step adds.

    The evaluation comes last: an edit waits for the group's next slot, so that the measured wait is
    chance. Only some edits may have been followed so far.
    """

    def row(text: str, times: Sequence[float], note: str = "") -> Row:
        return measured_row(times, what=f"{where}: {text}", unit="s", note=note)

    return [
        row("from `up` until Prometheus has loaded the edit", [edit["loaded"] for edit in edits]),
        row("`up` itself", [edit[ENDED] for edit in edits]),
        *(row(text, stage_times(edits, steps)[step], note) for step, (text, note) in steps.items()),
    ]


def _edit(
    root: Path, prometheus: Prometheus, threshold: float, followed: Collection[str]
) -> dict[str, float]:
    query, rendered = set_threshold(root, stacks.LOCAL, threshold), root / MANIFESTS
    happened = {
        "written": lambda: has_text(rendered, "v1-configmap-*-prometheus-server.yaml", query),
        "loaded": lambda: is_loaded(prometheus, query),
        "evaluated": lambda: is_loaded(prometheus, query, evaluated=True),
    }
    return up(root, stacks.LOCAL, {step: happened[step] for step in followed})
