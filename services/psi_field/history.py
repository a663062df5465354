"""The history of a field: its latest steps in one order on which all pods agree.

The peers read and extend it at /window.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from services.psi_field.engine import SIZE
from services.shell import Body

HISTORY_LENGTH = 64
"""Number of latest steps that always determine the field. All pods must agree on it and on the next
two, so they are not settings."""

BLOCK = 32
"""The first step of a history is the first whose counter is a multiple of this, or above it.

So the history starts at the same step for BLOCK steps in a row: the engine takes each new step on
top of the others. If the history moved with each step, each would be a new beginning for it."""

MAX_ENTRIES = 512
"""Maximum length of a history: enough for 14 pods that take steps at the same time."""

MAX_LEAD = 2**32
"""How far a peer's counter may be ahead of a pod's own; no pod can miss that many steps."""

MAX_TAKEOVER_COUNTER = 2**52
"""The highest counter that a new pod takes over; equally many remain for later steps."""

KEY_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
"""The caller's idempotency key of a step: steps with the same key, sent to any pods, count once."""

Vector = Annotated[tuple[float, ...], Field(min_length=SIZE, max_length=SIZE)]


class Entry(Body):
    """A step and its position in the order.

    `counter` is a Lamport counter: 1 more than the highest that `pod` knew. `incarnation`
    distinguishes the processes that have run under one pod name.
    """

    counter: Annotated[int, Field(ge=1, le=2**53)]
    pod: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")]
    incarnation: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    key: Annotated[str, Field(pattern=KEY_PATTERN)] | None = None
    x: Vector
    apply_guardian: bool

    @property
    def place(self) -> "Place":
        """The position in the order; only a peer at fault gives two entries the same."""
        return self.counter, self.pod, self.incarnation

    def sort_key(self) -> tuple[object, ...]:
        """The place, then the content, which makes the order total."""
        return (*self.place, self.key or "", self.x, self.apply_guardian)

    def is_the_step(self, x: tuple[float, ...], apply_guardian: bool) -> bool:
        """Whether the entry's step is this one."""
        return (self.x, self.apply_guardian) == (x, apply_guardian)


Entries = tuple[Entry, ...]
Place = tuple[int, str, str]


def trim(entries: Entries) -> Entries:
    """The part of the entries, which are in order, that determines the field.

    It begins at the greatest multiple of BLOCK that has HISTORY_LENGTH entries or more at or above
    it, and has at most MAX_ENTRIES.
    """
    if len(entries) <= HISTORY_LENGTH:
        return entries
    counter = entries[-HISTORY_LENGTH].counter
    begin = bisect_left(entries, counter - counter % BLOCK, key=lambda entry: entry.counter)
    return entries[max(begin, len(entries) - MAX_ENTRIES) :]


def digest(entries: Entries) -> str:
    """A SHA-256 hash of the entries."""
    text = "\n".join(entry.model_dump_json() for entry in entries)
    return hashlib.sha256(text.encode()).hexdigest()


class History:
    """The latest entries that a pod knows, in order; of those with the same key, the greatest.

    Adding is commutative, associative and idempotent: pods that have seen the same entries, in any
    order, have the same history. A dropped or replaced entry never returns, because the beginning
    of a history only grows. (Keeping the least entry of each key would break this: after it is
    dropped, a greater one with the same key could return.)
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: Entries = ()
        self._keyed: dict[str, Entry] = {}
        self._digest: tuple[Entries, str] | None = None
        self.add(entries)

    @property
    def counter(self) -> int:
        """The highest counter in the history; 0 before the first step."""
        return self.entries[-1].counter if self.entries else 0

    @property
    def max_peer_counter(self) -> int:
        """The highest counter to accept from a peer; an absurd one would exhaust the range."""
        return self.counter + MAX_LEAD

    @property
    def digest(self) -> str:
        """The digest of the entries."""
        if self._digest is None or self._digest[0] is not self.entries:
            self._digest = (self.entries, digest(self.entries))
        return self._digest[1]

    def known(self, key: str | None) -> Entry | None:
        """The entry with this key."""
        return self._keyed.get(key) if key else None

    def __contains__(self, entry: Entry) -> bool:
        at = _place(self.entries, entry)
        return at < len(self.entries) and self.entries[at] == entry

    def add(self, entries: Iterable[Entry]) -> Entries:
        """Add entries.

        Returns the entries that were known under the key of a different step. (`entries` of the
        history is the same object as before if nothing changed.)
        """
        kept = list(self.entries)
        conflicts: list[Entry] = []
        for entry in entries:
            known = self.known(entry.key)
            if known and not known.is_the_step(entry.x, entry.apply_guardian):
                conflicts.append(known)
            if known and known.sort_key() >= entry.sort_key():
                continue
            if known:
                del kept[_place(kept, known)]
            at = _place(kept, entry)
            if at == len(kept) or kept[at] != entry:
                kept.insert(at, entry)
                if entry.key:
                    self._keyed[entry.key] = entry
        found = trim(tuple(kept))
        if found != self.entries:
            self.entries = found
        self._keyed = {entry.key: entry for entry in self.entries if entry.key}
        return tuple(conflicts)


def _place(entries: list[Entry] | Entries, entry: Entry) -> int:
    return bisect_left(entries, entry.sort_key(), key=Entry.sort_key)
