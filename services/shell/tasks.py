"""Work that goes on beside the requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

Work = Callable[[], Awaitable[None]]

_STOP_SECONDS = 5
"""How long a cancelled task may take to tidy up."""

log = logging.getLogger(__name__)


class Tasks:
    """Background tasks; the first one that crashes is remembered in `crashed`."""

    def __init__(self) -> None:
        self.crashed: str | None = None
        self._works: list[tuple[str, Work]] = []
        self._running: list[asyncio.Task[None]] = []

    def add(self, name: str, work: Work) -> None:
        """Run `work` once, from the service's start on."""
        self._works.append((name, work))

    def start(self) -> None:
        """Start what was added."""
        self._running = [asyncio.create_task(self._guard(*work)) for work in self._works]

    async def stop(self) -> None:
        """Cancel what still runs and wait for it, a bounded time."""
        for task in self._running:
            task.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_STOP_SECONDS)
            if late:
                log.warning("tasks did not stop in time", extra={"tasks": len(late)})

    async def _guard(self, name: str, work: Work) -> None:
        try:
            await work()
        except Exception:
            self.crashed = self.crashed or name
            log.exception("a background task crashed", extra={"task": name})


def repeated(seconds: float, work: Work) -> Work:
    """`work` again and again, with a pause of `seconds` after each time."""

    async def loop() -> None:
        while True:
            await work()
            await asyncio.sleep(seconds)

    return loop
