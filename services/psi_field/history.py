"""The history of a field: its latest steps in one order on which all pods agree.

The peers read and extend it at /window.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

from pydantic import Field

from services.psi_field.engine import AT_REST, SIZE, Engine, replay
from services.shell import Body

HISTORY_LENGTH = 64
"""Number of steps that determine the field. All pods must agree on it, so it is not a setting."""

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

    def sort_key(self) -> tuple[object, ...]:
        """The position in the order. It ends with the content, which makes the order total."""
        own = (self.counter, self.pod, self.incarnation)
        return (*own, self.key or "", self.x, self.apply_guardian)


Entries = tuple[Entry, ...]


def merge(one: Iterable[Entry], other: Iterable[Entry]) -> Entries:
    """The HISTORY_LENGTH greatest entries of both, in order; the greatest of each key.

    Commutative, associative and idempotent: pods that have seen the same entries, in any order,
    have the same history. A dropped or replaced entry never returns, because the least entry of a
    history only grows. (Keeping the least entry of each key would break this: after it is dropped,
    a greater one with the same key could return.)
    """
    kept: dict[object, Entry] = {}
    for entry in (*one, *other):
        name = entry.key if entry.key is not None else entry.sort_key()
        if name not in kept or kept[name].sort_key() < entry.sort_key():
            kept[name] = entry
    return tuple(sorted(kept.values(), key=Entry.sort_key)[-HISTORY_LENGTH:])


def digest(entries: Entries) -> str:
    """A SHA-256 hash of the history."""
    text = "\n".join(entry.model_dump_json() for entry in entries)
    return hashlib.sha256(text.encode()).hexdigest()


class KeyReusedError(Exception):
    """The key already belongs to a different step."""


class Replica:
    """One pod's copy of the field: the history and the resulting metrics; does no networking.

    Changes are atomic: if the engine fails, EngineError is raised and the replica is unchanged.
    """

    def __init__(self, pod: str, engine: Callable[[], Engine]) -> None:
        self.pod = pod
        self.incarnation = secrets.token_hex(8)
        self.entries: Entries = ()
        self.metrics: Mapping[str, float] = AT_REST
        self.digest = digest(())
        self._engine = engine

    @property
    def digest_number(self) -> int:
        """The first 48 bits of the digest; a float holds them exactly."""
        return int(self.digest[:12], 16)

    @property
    def counter(self) -> int:
        """The highest counter in the history; 0 before the first step."""
        return self.entries[-1].counter if self.entries else 0

    @property
    def max_peer_counter(self) -> int:
        """The highest counter to accept from a peer; an absurd one would exhaust the range."""
        return self.counter + MAX_LEAD

    def step(self, x: tuple[float, ...], apply_guardian: bool, key: str | None = None) -> Entry:
        """Take a step as the latest one. Returns its entry, or the one already known under `key`.

        Raises KeyReusedError if the known one is a different step.
        """
        known = next((entry for entry in self.entries if key and entry.key == key), None)
        if known:
            if (known.x, known.apply_guardian) != (x, apply_guardian):
                raise KeyReusedError
            return known
        entry = Entry(
            counter=self.counter + 1,
            pod=self.pod,
            incarnation=self.incarnation,
            key=key,
            x=x,
            apply_guardian=apply_guardian,
        )
        self.merge([entry])
        return entry

    def merge(self, entries: Iterable[Entry]) -> bool:
        """Add a peer's entries. Returns whether they changed anything."""
        merged = merge(self.entries, entries)
        if merged == self.entries:
            return False
        self.metrics = replay(self._engine, merged)
        self.entries, self.digest = merged, digest(merged)
        return True
