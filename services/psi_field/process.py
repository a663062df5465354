"""Runs the engine for the pod, the private one in a process of its own.

The private engine is foreign code. In its own process it can't hold up the event loop (or Python's
global lock), and it can't end the pod: when it exits, crashes or hangs, the pod starts it again,
and sends the steps one at a time to learn which one it can't take.
The fallback engine is quick and our own, and needs no process.

Each message between the two processes is a line of JSON. The engine first says `{"problem": why it
does not work, or null}`. It answers `{"keep": 0, "steps": [[x, apply_guardian], ...]}` with
`[[metrics after each step], error]`; see Fold.run.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from services.psi_field.engine import (
    FALLBACK,
    MODULE,
    Engine,
    EngineError,
    FallbackPsiEngine,
    Fold,
    load_engine,
)

START_SECONDS = 30
"""Time limit for the engine's first message: the private module may be slow to import."""

STEP_SECONDS = 5
"""Time limit for a step. However many steps a fold takes, an engine that is quicker keeps up."""

_LINE_LIMIT = 2**21
_ROOT = Path(__file__).parents[2]

log = logging.getLogger(__name__)

Metrics = Mapping[str, float]


class Step(Protocol):
    """The input of an engine."""

    @property
    def x(self) -> Sequence[float]: ...  # noqa: D102
    @property
    def apply_guardian(self) -> bool: ...  # noqa: D102


class StepRefusedError(EngineError):
    """The engine failed at the step with this index, or ended; it starts again next time."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


class PodEngine:
    """The engine of a pod. `name` is known after `start`."""

    def __init__(self, fallback: Callable[[], Engine] = FallbackPsiEngine) -> None:
        self.name = ""
        self._make_fallback = fallback
        self._fallback: Fold | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._taken: Sequence[Step] = ()
        """The steps that the engine has taken since it was at rest."""

    async def start(self) -> None:
        """Start the private engine if it works, else the fallback; log which."""
        self.name = MODULE
        try:
            if find_spec(MODULE):
                await self._launch()
                return
            log.info("no module %s; the fallback engine runs", MODULE)
        except (EngineError, ValueError) as error:
            reason = {"reason": str(error)}
            log.error("%s is broken; the fallback engine runs", MODULE, extra=reason)
        self.name, self._fallback = FALLBACK, Fold(self._make_fallback)

    async def fold(self, steps: Sequence[Step]) -> tuple[int, list[Metrics]]:
        """Bring the field to the state after exactly these steps, taken in order from rest.

        Returns how many of the first steps the engine had taken before, and the metrics after each
        of the others. Raises StepRefusedError, or EngineError if the process failed.
        """
        keep = 0
        for one, other in zip(self._taken, steps, strict=False):
            if one is not other:
                break
            keep += 1
        runs = self._fallback or self._process
        if runs and keep == len(steps) == len(self._taken):
            return keep, []
        if steps and keep == len(steps):
            # Steps at the end are gone. The metrics after the one before them are asked for again.
            keep -= 1
        taken, self._taken = len(self._taken), ()
        if self._fallback:
            metrics, error = self._fallback.run(keep, map(_as_sent, steps[keep:]))
            if error:
                raise StepRefusedError(keep + len(metrics), error)
        else:
            keep, metrics = await self._fold_in_process(taken, keep, steps)
        self._taken = steps
        return keep, metrics

    async def close(self) -> None:
        """End the engine's process."""
        process, self._process, self._taken = self._process, None, ()
        if process:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _fold_in_process(
        self, taken: int, keep: int, steps: Sequence[Step]
    ) -> tuple[int, list[Metrics]]:
        """Let the process, which has taken `taken` steps, keep the first and take the others.

        If it ends, it starts again from rest: it may have been killed. A step at which it ends then
        is the reason, and counts as refused.
        """
        if self._process:
            try:
                if keep < taken:
                    # Without copies, it takes all that it keeps again.
                    request = {"keep": keep, "steps": []}
                    _, error = await self._exchange(STEP_SECONDS * (keep + 1), request)
                    if error:
                        await self.close()
                        raise EngineError(error)
                return keep, await self._take(keep, steps)
            except EngineError as error:
                if self._process:
                    raise
                log.warning("the engine starts again", extra={"reason": str(error)})
        await self._launch()
        return 0, await self._take(0, steps)

    async def _take(self, keep: int, steps: Sequence[Step]) -> list[Metrics]:
        """Let the process take all but the first `keep` steps, one at a time."""
        metrics: list[Metrics] = []
        for index, step in enumerate(steps[keep:], keep):
            try:
                request = {"keep": index, "steps": [_as_sent(step)]}
                after, error = await self._exchange(STEP_SECONDS, request)
            except EngineError as ended:
                raise StepRefusedError(index, str(ended)) from None
            if error:
                raise StepRefusedError(index, error)
            metrics += after
        return metrics

    async def _launch(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.psi_field.process"),
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            # Ctrl-C ends the pod, which then ends the engine.
            start_new_session=True,
        )
        if problem := (await self._exchange(START_SECONDS))["problem"]:
            await self.close()
            raise EngineError(problem)

    async def _exchange(self, seconds: float, request: Mapping[str, Any] | None = None) -> Any:
        """Send the request, and return the next message.

        Ends the process if no message comes: it might come later, and answer something else.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EngineError("it does not run")
        if request is not None:
            process.stdin.write(json.dumps(request).encode() + b"\n")
        try:
            async with asyncio.timeout(seconds):
                return json.loads(await process.stdout.readline())
        except TimeoutError:
            reason = f"it did not answer within {seconds:g} s"
        except ValueError:
            reason = "its process ended"
        await self.close()
        raise EngineError(reason)


def _as_sent(step: Step) -> tuple[Sequence[float], bool]:
    return step.x, step.apply_guardian


def serve() -> None:
    """The private engine's end: answer the messages on stdin until it is closed."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # What the foreign code prints must not get between the messages.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(message: Any) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    engine, problem = load_engine()
    send({"problem": problem})
    if engine:
        fold = Fold(engine)
        for line in sys.stdin:
            send(fold.run(**json.loads(line)))


if __name__ == "__main__":
    serve()
