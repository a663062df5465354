"""Keeps the field of this pod and those of its peers in sync."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from services.psi_field.engine import EngineError
from services.psi_field.field import Field, KeyReusedError
from services.psi_field.history import MAX_TAKEOVER_COUNTER, Entries, Entry, History, Place
from services.psi_field.metrics import SharingMetrics
from services.psi_field.peers import PeerHistory, Peers, PushReceipt

PAUSE_SECONDS = 0.2
"""Pause between two attempts of a starting pod to reach its peers."""

SETTLE_SECONDS = 2
"""How long the engine may take to take the steps of the peers."""

log = logging.getLogger(__name__)

Receipts = Sequence[PushReceipt | None]
"""The answers to a push; None from a peer that missed it."""


class Shared(NamedTuple):
    """How many peers took a step, and how many missed it."""

    took: int
    missed: int

    @property
    def at_risk(self) -> bool:
        """Whether no more than half of the pods hold the step, so that it may be lost."""
        return self.took + 1 <= self.missed


class Sharing:
    """Shares steps.

    One push to all peers is under way at a time; the next carries all steps that came meanwhile. So
    a peer that hangs delays the steps to all peers, by up to PUSH_SECONDS. Every pod also pulls the
    histories of its peers regularly, which adds the steps that a push missed. A stopping pod pushes
    its whole history.
    """

    def __init__(self, field: Field, peers: Peers, metrics: SharingMetrics) -> None:
        self.established = False
        """Whether this pod has taken over the field or begun it."""
        self._field = field
        self._peers = peers
        self._metrics = metrics
        self._waiting: list[Entry] = []
        """The steps that the next push carries."""
        self._next: asyncio.Task[Receipts] | None = None
        """The next push."""
        self._under_way = asyncio.Lock()
        self._at_risk: list[Entry] = []
        """Steps of this pod that no more than half of the pods held when they answered last."""
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
        """Pull and add the steps that this pod lacks.

        A step that few pods hold is taken once more if it is lost in what is added: when the pods
        were parted, and the other side took many more steps. Steps that are pushed here one by one
        replace it as any later steps would; then the pushing pod may well have it.
        """
        await self._peers.discover()
        asked = self._field.history.entries
        histories, silent = await self._peers.pull(self._field.history.digest)
        equal = self._peers.answering - len(histories)
        held = [*(history.entries for history in histories), *[asked] * equal]
        self._forget_safe([_places(entries) for entries in held], silent)
        behind, ignored = self._merge(histories, self._field.history.max_peer_counter)
        self._repeat_lost()
        self._metrics.steps_behind.set(behind)
        in_step = await self._field.settle(SETTLE_SECONDS) and not ignored
        self._metrics.peers_in_step.set(self._peers.answering if in_step else 0)
        if behind:
            log.info("caught up with the peers", extra={"steps": behind})

    async def share(self, entry: Entry, *, again: bool = False) -> Shared:
        """Push a step to every peer. `again`: it is taken for the second time already."""
        receipts = await self._push(entry) if self._peers.addresses else ()
        took = {receipt.incarnation for receipt in receipts if receipt}
        shared = Shared(len(took - {self._field.incarnation}), receipts.count(None))
        if shared.at_risk and not again:
            self._at_risk.append(entry)
        return shared

    def receive(self, entries: Entries) -> Entries:
        """Add a peer's steps, except those with absurd counters.

        Returns those known under the keys of different steps.
        """
        accepted = _without_absurd(entries, self._field.history.max_peer_counter)
        return self._field.merge(accepted)

    async def hand_over(self) -> None:
        """Push the whole history to every peer, for which this pod ends."""
        entries = self._field.history.entries
        if entries:
            await self._peers.push(entries, last=True)

    def _forget_safe(self, held: Sequence[set[Place]], silent: int) -> None:
        """Forget the steps that are gone, or that more than half of the pods hold.

        `held`: the places in each peer's history. `silent`: number of peers that did not answer.
        """
        here = self._field.history

        def is_at_risk(entry: Entry) -> bool:
            took = sum(entry.place in one for one in held)
            return Shared(took, len(held) - took + silent).at_risk

        self._at_risk = [one for one in self._at_risk if one in here and is_at_risk(one)]

    def _repeat_lost(self) -> None:
        here = self._field.history
        for entry in [one for one in self._at_risk if one not in here]:
            self._at_risk.remove(entry)
            if not here.known(entry.key):
                task = asyncio.create_task(self._repeat(entry))
                self._repeats.add(task)
                task.add_done_callback(self._repeats.discard)

    async def _repeat(self, entry: Entry) -> None:
        try:
            taken = await self._field.step(entry.x, entry.apply_guardian, entry.key)
        except (EngineError, KeyReusedError) as error:
            log.error("a step is lost", extra={"reason": str(error) or type(error).__name__})
            return
        log.info("took a step again that the others had missed", extra={"old": entry.counter})
        await self.share(taken.entry, again=True)

    async def _push(self, entry: Entry) -> Receipts:
        """Add a step to the next push. Returns that push's receipts."""
        self._waiting.append(entry)
        self._next = self._next or asyncio.create_task(self._push_waiting())
        # A caller that goes must not cancel the push of the others.
        return await asyncio.shield(self._next)

    async def _push_waiting(self) -> Receipts:
        async with self._under_way:
            # More steps may wait than a push may carry. A peer's history would drop the others.
            entries = History(self._waiting).entries
            self._waiting, self._next = [], None
            receipts = await self._peers.push(entries)
            keys = {entry.key for entry in entries if entry.key}
            for receipt in receipts:
                if receipt and receipt.conflicts:
                    self.receive(tuple(one for one in receipt.conflicts if one.key in keys))
            return receipts

    def _merge(self, histories: Sequence[PeerHistory], max_counter: int) -> tuple[int, int]:
        """Add the peers' steps. Returns how many were new here, and how many are ignored."""
        entries = tuple(entry for history in histories for entry in history.entries)
        accepted = _without_absurd(entries, max_counter)
        before = _places(self._field.history.entries)
        self._field.merge(accepted)
        behind = len(_places(self._field.history.entries) - before)
        return behind, len(entries) - len(accepted)


def _places(entries: Entries) -> set[Place]:
    return {entry.place for entry in entries}


def _without_absurd(entries: Entries, max_counter: int) -> Entries:
    accepted = tuple(entry for entry in entries if entry.counter <= max_counter)
    if ignored := len(entries) - len(accepted):
        fields = {"steps": ignored, "limit": max_counter}
        log.error("peers have steps with absurd counters; they are ignored", extra=fields)
    return accepted
