"""The steps that make up the field: the last ones, in one order that all pods agree on."""

import hashlib
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from services.psi_field.fallback import SIZE
from services.shell import Body

WINDOW = 64
"""Steps that make up the field. Equal in all pods, so no setting."""

AHEAD = 2**32
"""How far a peer's counter may be ahead of a pod's own: no pod misses so many steps."""

TAKEN_OVER = 2**52
"""The highest counter that a new pod takes over; as many are left for steps after it."""

Vector = Annotated[tuple[float, ...], Field(min_length=SIZE, max_length=SIZE)]
KEY = r"^[A-Za-z0-9._:-]{1,64}$"
"""A caller's name for a step: a step sent again under its key, to any pod, is taken once."""


class Entry(Body):
    """A step and its place in the order.

    `counter` is a Lamport counter: 1 more than the highest that `pod` knew. `incarnation` tells
    apart the processes that have borne a pod's name.
    """

    counter: Annotated[int, Field(ge=1, le=2**53)]
    pod: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")]
    incarnation: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    key: Annotated[str, Field(pattern=KEY)] | None = None
    x: Vector
    apply_guardian: bool

    def place(self) -> tuple[object, ...]:
        """What entries are ordered by. The content comes last, so that the order is total."""
        own = (self.counter, self.pod, self.incarnation)
        return (*own, self.key or "", self.x, self.apply_guardian)


Entries = tuple[Entry, ...]


def merge(one: Iterable[Entry], other: Iterable[Entry]) -> Entries:
    """The WINDOW greatest entries of both, in order; of those with the same key the greatest.

    Commutative, associative and idempotent, so pods that have seen the same entries in any order
    hold the same window: what is cut off or replaced could never come back, because a window's
    least entry only grows. (Keeping the least of a key would not do: once it is cut off, a greater
    one with its key would come back.)
    """
    kept: dict[object, Entry] = {}
    for entry in (*one, *other):
        name = entry.key if entry.key is not None else entry.place()
        if name not in kept or kept[name].place() < entry.place():
            kept[name] = entry
    return tuple(sorted(kept.values(), key=Entry.place)[-WINDOW:])


def digest(entries: Entries) -> str:
    """A short text that is equal for equal windows only."""
    text = "\n".join(entry.model_dump_json() for entry in entries)
    return hashlib.sha256(text.encode()).hexdigest()
