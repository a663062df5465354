"""One pod's copy of the field, without any network."""

import secrets
from collections.abc import Callable, Iterable, Mapping

from services.psi_field.engine import AT_REST, Engine, fold
from services.psi_field.history import AHEAD, Entries, Entry, digest, merge


class KeyReusedError(Exception):
    """A key that belongs to a different step."""


class Replica:
    """The window of a pod and the metrics that follow from it, and from nothing else.

    Each change is whole or does not happen: if the engine fails, EngineError is raised and all
    stays as it was.
    """

    def __init__(self, pod: str, engine: Callable[[], Engine]) -> None:
        self.pod = pod
        self.incarnation = secrets.token_hex(8)
        self.entries: Entries = ()
        self.metrics: Mapping[str, float] = AT_REST
        self.digest = digest(())
        self._engine = engine

    @property
    def counter(self) -> int:
        """The highest counter it has seen; 0 before the first step."""
        return self.entries[-1].counter if self.entries else 0

    @property
    def limit(self) -> int:
        """The highest counter to believe a peer: an absurd one would leave none for later steps."""
        return self.counter + AHEAD

    def step(self, x: tuple[float, ...], apply_guardian: bool, key: str | None = None) -> Entry:
        """Take a step as the latest one; its entry, or the one already there under `key`.

        Raises KeyReusedError if that one is a different step.
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
        """Take in a peer's entries; whether they changed anything."""
        merged = merge(self.entries, entries)
        if merged == self.entries:
            return False
        self.metrics = fold(self._engine, merged)
        self.entries, self.digest = merged, digest(merged)
        return True
