"""Keeps the field of this pod and those of its peers in sync."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence

from services.psi_field.engine import EngineError
from services.psi_field.field import Field, KeyReusedError
from services.psi_field.history import MAX_TAKEOVER_COUNTER, Entries, Entry, Place
from services.psi_field.metrics import SharingMetrics
from services.psi_field.peers import PeerHistory, Peers, PushReceipt
from services.shell import Address

PAUSE_SECONDS = 0.2
"""Pause between two attempts of a starting pod to reach its peers."""

SETTLE_SECONDS = 2
"""How long the engine may take to take the steps of the peers."""

log = logging.getLogger(__name__)


class Sharing:
    """Shares steps: each is pushed to every peer at once, one push to a peer at a time.

    Every pod also pulls the histories of its peers regularly, which adds the steps that a push
    missed. A stopping pod pushes its whole history.
    """

    def __init__(self, field: Field, peers: Peers, metrics: SharingMetrics) -> None:
        self.established = False
        """Whether this pod has taken over the field or begun it."""
        self._field = field
        self._peers = peers
        self._metrics = metrics
        self._outboxes: dict[Address, _Outbox] = {}
        self._at_risk: list[Entry] = []
        """Steps of this pod that some peer missed."""
        self._repeats: set[asyncio.Task[None]] = set()

    async def take_over(self, seconds: float) -> None:
        """Take over the field from a peer, or begin a new one.

        Returns once a peer has sent the field, once all peers have answered that they have none, or
        after `seconds`, when the current attempt has ended.
        """
        deadline = time.monotonic() + seconds
        while not self.established:
            found = await self._peers.discover()
            histories, silent = await self._peers.pull("")
            self._merge(histories, MAX_TAKEOVER_COUNTER)
            if any(history.established for history in histories):
                log.info("took over the field", extra={"steps": len(self._field.history.entries)})
                self.established = True
            elif found and not silent:
                log.info("no peer has a field yet: a new one begins")
                self.established = True
            elif time.monotonic() >= deadline:
                log.warning("no peer answered in time: a new field begins")
                self.established = True
            else:
                await asyncio.sleep(PAUSE_SECONDS)

    async def catch_up(self) -> None:
        """Pull and add the steps that this pod lacks."""
        await self._peers.discover()
        for address in self._outboxes.keys() - {*self._peers.addresses}:
            del self._outboxes[address]
        histories, silent = await self._peers.pull(self._field.history.digest)
        behind, ignored = self._merge(histories, self._field.history.max_peer_counter)
        self._metrics.steps_behind.set(behind)
        in_step = await self._field.settle(SETTLE_SECONDS) and not ignored
        self._metrics.peers_in_step.set(self._peers.answering if in_step else 0)
        if behind:
            log.info("caught up with the peers", extra={"steps": behind})
        if self._at_risk and not silent:
            held = [_places(history.entries) for history in histories]
            self._at_risk = [
                entry for entry in self._at_risk if not all(entry.place in one for one in held)
            ]

    async def share(self, entry: Entry, *, again: bool = False) -> tuple[int, int]:
        """Push a step to every peer. Returns how many peers took it and how many missed it.

        A step that a peer missed is taken once more if it would be lost in the steps of others:
        when the pods were parted, and the other side took many more steps. `again`: it is the
        second time already.
        """
        pushes = [self._outbox(address).put(entry) for address in self._peers.addresses]
        if pushes:
            await asyncio.wait(pushes)
        receipts = [push.result() for push in pushes]
        missed = receipts.count(None)
        if missed and not again:
            self._at_risk.append(entry)
        took = {receipt.incarnation for receipt in receipts if receipt}
        return len(took - {self._field.incarnation}), missed

    def receive(self, entries: Iterable[Entry]) -> Entries:
        """Add a peer's steps. Returns those known under the keys of different steps."""
        here = self._field.history
        self._at_risk = [entry for entry in self._at_risk if entry in here]
        conflicts = self._field.merge(entries)
        lost = [entry for entry in self._at_risk if entry not in here]
        for entry in lost:
            self._at_risk.remove(entry)
            if not here.known(entry.key):
                task = asyncio.create_task(self._repeat(entry))
                self._repeats.add(task)
                task.add_done_callback(self._repeats.discard)
        return conflicts

    async def hand_over(self) -> None:
        """Push the whole history to every peer, for which this pod ends."""
        entries = self._field.history.entries
        if entries:
            await asyncio.gather(
                *(self._peers.push(one, entries, last=True) for one in self._peers.addresses)
            )

    async def _repeat(self, entry: Entry) -> None:
        try:
            taken = await self._field.step(entry.x, entry.apply_guardian, entry.key)
        except (EngineError, KeyReusedError) as error:
            log.error("a step is lost", extra={"reason": str(error) or type(error).__name__})
            return
        log.info("took a step again that the others had missed", extra={"old": entry.counter})
        await self.share(taken.entry, again=True)

    def _outbox(self, address: Address) -> "_Outbox":
        if address not in self._outboxes:
            self._outboxes[address] = _Outbox(self, self._peers, address)
        return self._outboxes[address]

    def _merge(self, histories: Sequence[PeerHistory], max_counter: int) -> tuple[int, int]:
        """Add the peers' steps. Returns how many were new here, and how many are ignored."""
        entries = [entry for history in histories for entry in history.entries]
        accepted = [entry for entry in entries if entry.counter <= max_counter]
        if ignored := len(entries) - len(accepted):
            fields = {"steps": ignored, "limit": max_counter}
            log.error("peers have steps with absurd counters; they are ignored", extra=fields)
        before = _places(self._field.history.entries)
        self.receive(accepted)
        return len(_places(self._field.history.entries) - before), ignored


def _places(entries: Entries) -> set[Place]:
    return {entry.place for entry in entries}


class _Outbox:
    """The steps that wait for a push to one peer. One push is under way at a time."""

    def __init__(self, sharing: Sharing, peers: Peers, address: Address) -> None:
        self._sharing = sharing
        self._peers = peers
        self._address = address
        self._entries: list[Entry] = []
        self._next: asyncio.Future[PushReceipt | None] | None = None
        self._task: asyncio.Task[None] | None = None

    def put(self, entry: Entry) -> asyncio.Future[PushReceipt | None]:
        """Add a step to the next push. The result is the peer's receipt, None if it missed it."""
        if not self._next:
            self._next = asyncio.get_running_loop().create_future()
        self._entries.append(entry)
        if not self._task:
            self._task = asyncio.create_task(self._send_all())
        return self._next

    async def _send_all(self) -> None:
        try:
            while self._next:
                entries, done = self._entries, self._next
                self._entries, self._next = [], None
                receipt = await self._peers.push(self._address, entries)
                if receipt and receipt.conflicts:
                    self._sharing.receive(receipt.conflicts)
                done.set_result(receipt)
        finally:
            self._task = None
