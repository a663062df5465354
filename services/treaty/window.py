"""The rates of a treaty over a sliding window of its requests."""

from collections import deque
from dataclasses import dataclass

SLICES = 60
"""The window moves in steps of one sixtieth, so that its memory does not grow with the traffic."""


@dataclass(frozen=True)
class Rates:
    """`fill_rate` and `provenance_coverage` are shares, 0 to 1; `rtt_ms` a mean in milliseconds."""

    fill_rate: float
    rtt_ms: float
    provenance_coverage: float


@dataclass
class _Slice:
    number: int
    requests: int = 0
    routed: int = 0
    with_provenance: int = 0
    rtt_ms: float = 0


class Window:
    """The requests that ended in the `seconds` before the last one did.

    The window ends at the last request and not now: an idle treaty keeps the rates of its last
    traffic, and its last few requests do not come to stand for all of it while older ones expire.
    Before the first request the rates are those of a treaty in order: 1, 0 ms and 1.
    """

    def __init__(self, seconds: float) -> None:
        self._slice_seconds = seconds / SLICES
        self._slices: deque[_Slice] = deque()
        self._rtt_ms = 0.0

    def add(self, now: float, *, rtt_ms: float | None, provenance: bool) -> None:
        """Count a request that ended at `now`, in seconds; `rtt_ms` is None if it was dropped."""
        number = int(now // self._slice_seconds)
        while self._slices and self._slices[0].number <= number - SLICES:
            self._slices.popleft()
        if not self._slices or self._slices[-1].number != number:
            self._slices.append(_Slice(number))
        last = self._slices[-1]
        last.requests += 1
        last.with_provenance += provenance
        if rtt_ms is not None:
            last.routed += 1
            last.rtt_ms += rtt_ms
        if routed := sum(part.routed for part in self._slices):
            self._rtt_ms = sum(part.rtt_ms for part in self._slices) / routed

    def rates(self) -> Rates:
        """The rates of the window.

        The round-trip time is that of routed requests; while there is none, the last known stays.
        """
        requests = sum(part.requests for part in self._slices)
        if not requests:
            return Rates(fill_rate=1, rtt_ms=0, provenance_coverage=1)
        return Rates(
            fill_rate=sum(part.routed for part in self._slices) / requests,
            rtt_ms=self._rtt_ms,
            provenance_coverage=sum(part.with_provenance for part in self._slices) / requests,
        )
