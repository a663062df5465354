"""Edits of a threshold in a copy of the program, and when each takes effect."""

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from bench.measuring import group
from ops.http_api import ApiError
from ops.prometheus_api import Prometheus
from stacks.secrets import PROJECT
from toolchain import stacks
from toolchain.base import UserError

ALERT = "TreatyDropRateHigh"
"""The alert whose threshold is edited."""
RECORD = "treaty:drop_rate:5m"
LOOK_SECONDS = 0.05
LIMIT_SECONDS = 300.0
ENDED = "ended"
"""The step of `up` itself."""


def set_threshold(root: Path, stack: str, threshold: float) -> str:
    """Override the alert's threshold in the stack's file; returns the query of its rule."""
    path = root / f"Pulumi.{stack}.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    rules = document["config"][f"{PROJECT}:settings"].setdefault("rules", {})
    rules.setdefault("overrides", {})[ALERT] = {"threshold": threshold}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return f"{RECORD} > {threshold}"


def up(root: Path, stack: str, steps: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Run `up` of the stack, as `make up` does, until it has ended and every step has happened.

    Returns the seconds from its start to each step, as `watch` does. Raises UserError.
    """
    began = time.monotonic()
    planned = stacks.plan("up", stack, ["--suppress-outputs"], root=root)
    with tempfile.TemporaryFile("w+") as output:
        options = {"cwd": root, "env": planned.environment, "stdout": output, "stderr": output}
        try:
            with group(planned.command, **options) as process:
                return watch(process.poll, steps, began)
        except UserError as error:
            output.seek(0)
            raise UserError(f"stack {stack}: {error}\n{output.read()[-2000:]}") from None


def watch(
    exit_code: Callable[[], int | None], steps: Mapping[str, Callable[[], object]], began: float
) -> dict[str, float]:
    """The seconds from `began`, on the monotonic clock, to each step and to the end of `up`.

    A step is looked for once those before it have happened. Raises UserError if `up` fails, if a
    step has not happened after LIMIT_SECONDS, or if Prometheus can't be asked.
    """
    seen: dict[str, float] = {}
    while len(seen) <= len(steps):
        if ENDED not in seen and (code := exit_code()) is not None:
            if code:
                raise UserError(f"`up` ended with code {code}")
            seen[ENDED] = time.monotonic() - began
        missing = [step for step in steps if step not in seen]
        try:
            while missing and steps[missing[0]]():
                seen[missing.pop(0)] = time.monotonic() - began
        except ApiError as error:
            raise UserError(str(error)) from None
        if time.monotonic() - began > LIMIT_SECONDS:
            raise UserError(f"after {LIMIT_SECONDS:g} s, an edit is not {missing or [ENDED]}")
        time.sleep(LOOK_SECONDS)
    return seen


def has_text(folder: Path, pattern: str, text: str) -> bool:
    """Whether there are files in the folder that match the pattern, and all contain the text."""
    found = [text in path.read_text(encoding="utf-8") for path in folder.glob(pattern)]
    return bool(found) and all(found)


def is_loaded(prometheus: Prometheus, query: str, *, evaluated: bool = False) -> bool:
    """Whether Prometheus has a rule with this query, and has evaluated it."""
    return any(
        rule.query == query and (rule.health == "ok" or not evaluated)
        for group in prometheus.rules()
        for rule in group.rules
    )


def stage_times(
    edits: Sequence[Mapping[str, float]], steps: Iterable[str]
) -> dict[str, list[float]]:
    """The seconds between each step and the one before it, of each edit followed so far."""
    before = ["", *steps]
    return {
        step: [edit[step] - edit.get(previous, 0.0) for edit in edits if step in edit]
        for previous, step in zip(before, steps, strict=False)
    }
