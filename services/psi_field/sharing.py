"""How a pod's field stays the same as its peers'."""

import asyncio
import logging
import time
from collections.abc import Sequence

from services.psi_field.engine import EngineError
from services.psi_field.history import TAKEN_OVER, Entry
from services.psi_field.messages import Window
from services.psi_field.peers import Peers
from services.psi_field.replica import Replica

_PAUSE_SECONDS = 0.2

log = logging.getLogger(__name__)


class Sharing:
    """Joins a replica with its peers.

    A step is pushed to every peer at once. What a push missed is found when windows are compared,
    which every pod does with every peer.
    """

    def __init__(self, replica: Replica, peers: Peers) -> None:
        self.established = False
        """Whether the field has been taken over, or begun."""
        self._replica = replica
        self._peers = peers

    async def take_over(self, seconds: float) -> None:
        """Take the field over from the peers, or begin it.

        Ends when a peer that has the field has given it; or when all peers have answered and none
        has it; or when `seconds` have passed, and at most one more round of questions.
        """
        deadline = time.monotonic() + seconds
        while not self.established:
            found = await self._peers.discover()
            windows, silent = await self._peers.pull("")
            self._merge(windows, TAKEN_OVER)
            if any(window.established for window in windows):
                log.info("took over the field", extra={"steps": len(self._replica.entries)})
                self.established = True
            elif found and not silent:
                log.info("no peer has a field yet: a new one begins")
                self.established = True
            elif time.monotonic() >= deadline:
                log.warning("no peer answered in time: a new field begins")
                self.established = True
            else:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def compare(self) -> None:
        """Take in what the peers have and this pod has not."""
        await self._peers.discover()
        windows, _ = await self._peers.pull(self._replica.digest)
        if self._merge(windows, self._replica.limit):
            log.info("caught up with the peers")

    async def push(self, entry: Entry) -> tuple[int, int]:
        """Give a step to all peers; how many took it, and how many addresses missed it."""
        return await self._peers.push(entry)

    def _merge(self, windows: Sequence[Window], limit: int) -> bool:
        entries = [entry for window in windows for entry in window.entries]
        sound = [entry for entry in entries if entry.counter <= limit]
        if absurd := len(entries) - len(sound):
            fields = {"steps": absurd, "limit": limit}
            log.error("peers have steps with absurd counters; they are ignored", extra=fields)
        try:
            return self._replica.merge(sound)
        except EngineError as error:
            log.error("the engine refused a peer's steps", extra={"reason": str(error)})
            return False
