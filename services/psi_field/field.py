"""One pod's copy of the field: the history, and the metrics that the engine makes of it."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from services.psi_field.engine import AT_REST, EngineError
from services.psi_field.history import (
    BLOCK,
    HISTORY_LENGTH,
    MAX_ENTRIES,
    Entries,
    Entry,
    History,
    Place,
    digest,
    trim,
)
from services.psi_field.process import Step, StepRefusedError

BATCH = 32
"""Maximum number of own steps that the engine takes at a time. Not above HISTORY_LENGTH, so that
every one of them is in the history after it."""

MAX_SKIPPED = 3
"""Number of peers' steps in a history that the engine may refuse. If it refuses more, it is broken,
and the field stays as it was."""

REPLAY_SECONDS = 5
"""How long a step that a peer has just sent may take to have metrics, if a caller repeats it."""

log = logging.getLogger(__name__)


class Folding(Protocol):
    """Computes the metrics of a sequence of steps; see PodEngine."""

    async def fold(  # noqa: D102
        self, steps: tuple[Step, ...]
    ) -> tuple[int, list[Mapping[str, float]]]: ...


class KeyReusedError(Exception):
    """The key already belongs to a different step."""


class Taken(NamedTuple):
    """A step of the field, and the metrics after it; None if this pod does not know them."""

    entry: Entry
    metrics: Mapping[str, float] | None


@dataclass(eq=False)
class _PendingStep:
    """A step that waits for its turn."""

    x: tuple[float, ...]
    apply_guardian: bool
    key: str | None
    taken: asyncio.Future[Taken]


class Field:
    """One pod's copy of the field; does no networking.

    A peer's step is part of the history at once, and of the metrics as soon as the engine has taken
    it. A step of this pod is part of neither before the engine has taken it.
    """

    def __init__(
        self, pod: str, engine: Folding, observe: Callable[[float], None] = lambda _: None
    ) -> None:
        """`observe` gets the seconds that each fold took."""
        self.pod = pod
        self.incarnation = secrets.token_hex(8)
        self.history = History()
        self.metrics: Mapping[str, float] = AT_REST
        self.folded: Entries = ()
        """The entries of which `metrics` are made, and those that the engine refused."""
        self.failure: str | None = None
        """How the engine failed at the latest fold, if it is broken."""
        self._taken: Entries = ()
        self._engine = engine
        self._observe = observe
        self._pending: list[_PendingStep] = []
        self._waiting: list[asyncio.Future[bool]] = []
        self._work = asyncio.Event()
        self._skipped: set[Place] = set()
        self._after: dict[Place, Mapping[str, float]] = {}
        """The metrics after each entry when the engine first took it."""

    @property
    def digest_number(self) -> int:
        """48 bits of the digest of the entries behind `metrics`; a float holds them exactly.

        It differs from that of a pod whose engine refused other entries.
        """
        return int(digest(self._taken)[:12], 16)

    async def step(self, x: tuple[float, ...], apply_guardian: bool, key: str | None) -> Taken:
        """Take a step as the latest one, or find the one already known under `key`.

        Raises KeyReusedError if that one is a different step, and EngineError if the engine fails;
        then the field is as it was.
        """
        if known := self.history.known(key):
            if not known.is_the_step(x, apply_guardian):
                raise KeyReusedError
            if known.place not in self._after:
                await self.settle(REPLAY_SECONDS)
            return Taken(known, self._after.get(known.place))
        step = next((one for one in self._pending if key and one.key == key), None)
        if step and (step.x, step.apply_guardian) != (x, apply_guardian):
            raise KeyReusedError
        if not step:
            step = _PendingStep(x, apply_guardian, key, _future())
            self._pending.append(step)
            self._work.set()
        # Others may wait for the same step.
        return await asyncio.shield(step.taken)

    def merge(self, entries: Iterable[Entry]) -> Entries:
        """Add peers' entries. Returns those known under the keys of different steps."""
        before = self.history.entries
        conflicts = self.history.add(entries)
        for conflict in conflicts:
            log.warning("a key belongs to different steps", extra={"key": conflict.key})
        if self.history.entries is not before:
            self._work.set()
        return conflicts

    async def settle(self, seconds: float) -> bool:
        """Wait until the engine has taken the history, but not longer than `seconds`.

        Returns whether it has taken all of it.
        """
        if self.failure or self.folded != self.history.entries:
            done = _future()
            self._waiting.append(done)
            self._work.set()
            await asyncio.wait([done], timeout=seconds)
            if not done.done() or not done.result():
                return False
        return not self._skipped

    async def fold_for_ever(self) -> None:
        """Let the engine take what it has not taken yet, again and again."""
        while True:
            await self._work.wait()
            self._work.clear()
            await self._fold()
            if self._pending or self._waiting:
                self._work.set()

    async def _fold(self) -> None:
        waiting, self._waiting = self._waiting, []
        pending = self._pending[:BATCH]
        began = time.perf_counter()
        target = None
        try:
            made = {
                entry.place: (entry, step)
                for number, step in enumerate(pending, self.history.counter + 1)
                for entry in [self._entry(number, step)]
            }
            target = await self._fold_with(made)
        except EngineError as error:
            self.failure = f"the engine failed: {error}"
            log.error("the engine failed", extra={"reason": str(error)})
            self._give_up(pending, error)
        except Exception as error:
            # Such as a counter beyond its range. The pod goes on, and each step tells its caller.
            log.exception("the steps failed")
            self._give_up(pending, error)
        else:
            self.failure = None
            self._observe(time.perf_counter() - began)
            self._commit(made)
            self.folded = target
            if self.history.entries != target:
                self._work.set()
        for future in waiting:
            future.set_result(self.folded == target)
        del self._pending[: len(pending)]

    def _give_up(self, pending: Sequence[_PendingStep], error: Exception) -> None:
        self._skipped.clear()
        for step in pending:
            _fail(step.taken, error)

    async def _fold_with(self, made: dict[Place, tuple[Entry, _PendingStep]]) -> Entries:
        """Fold the history and the new entries; removes from `made` those that are refused.

        Returns the entries that are the field now. Raises EngineError if the engine is broken.
        """
        known = self.history.entries
        self._refuse_void(made)
        while True:
            own = [entry for entry, _ in made.values()]
            target = trim((*_without_keys(known, own), *own))
            taken = target
            if self._skipped:
                taken = tuple(entry for entry in target if entry.place not in self._skipped)
            try:
                first, metrics = await self._engine.fold(taken)
            except StepRefusedError as error:
                entry = taken[error.index]
                fields = {"pod": entry.pod, "counter": entry.counter, "reason": str(error)}
                if entry.place in made:
                    log.error("the engine failed", extra=fields)
                    _fail(made.pop(entry.place)[1].taken, error)
                elif len(self._skipped) < MAX_SKIPPED:
                    log.error("the engine refused a shared step: it is left out", extra=fields)
                    self._skipped.add(entry.place)
                else:
                    raise
            else:
                if self._refuse_void(made):
                    continue
                self._taken = taken
                self._note(target, first, metrics, made)
                return target

    def _refuse_void(self, made: dict[Place, tuple[Entry, _PendingStep]]) -> bool:
        """Remove the steps under whose keys a peer has sent others. Returns whether it did."""
        void = [
            entry
            for entry, _ in made.values()
            if (known := self.history.known(entry.key))
            and not known.is_the_step(entry.x, entry.apply_guardian)
        ]
        for entry in void:
            _fail(made.pop(entry.place)[1].taken, KeyReusedError())
        return bool(void)

    def _note(
        self,
        target: Entries,
        first: int,
        metrics: Sequence[Mapping[str, float]],
        made: Mapping[Place, tuple[Entry, _PendingStep]],
    ) -> None:
        """Note the metrics after each of the entries that the engine took, the `first` and later.

        After a peer's entry, they are its own only if no entry of its history is missing here: if
        HISTORY_LENGTH entries end with it, or the field began with them.
        """
        if len(self._after) > 2 * MAX_ENTRIES:
            places = {entry.place for entry in target}
            self._skipped &= places
            self._after = {at: self._after[at] for at in places & self._after.keys()}
        from_the_beginning = bool(target) and target[0].counter < BLOCK
        for number, (entry, after) in enumerate(
            zip(self._taken[first:], metrics, strict=True), first + 1
        ):
            if from_the_beginning or number >= HISTORY_LENGTH or entry.place in made:
                self._after.setdefault(entry.place, after)
        if metrics:
            self.metrics = metrics[-1]
        elif not target:
            self.metrics = AT_REST

    def _commit(self, made: Mapping[Place, tuple[Entry, _PendingStep]]) -> None:
        """Add the entries that the engine took to the history, and answer."""
        self.history.add(entry for entry, _ in made.values())
        for entry, step in made.values():
            if not step.taken.done():
                kept = self.history.known(entry.key) or entry
                step.taken.set_result(Taken(kept, self._after[entry.place]))

    def _entry(self, counter: int, step: _PendingStep) -> Entry:
        return Entry(
            counter=counter,
            pod=self.pod,
            incarnation=self.incarnation,
            key=step.key,
            x=step.x,
            apply_guardian=step.apply_guardian,
        )


def _without_keys(known: Entries, own: Sequence[Entry]) -> Entries:
    """The entries except those that own entries replace, because they have the same keys."""
    keys = {entry.key for entry in own if entry.key}
    return tuple(entry for entry in known if entry.key not in keys) if keys else known


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
