"""The treaty's six metrics; their names were set by the platform's owners."""

from collections import deque
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

from services.shell import BareCounter

LABELS = ("treaty",)

SLICES = 60
"""Number of slices of the period. Requests expire by slice, so memory does not grow with
traffic."""


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


class RecentRequests:
    """The requests that ended in the last `seconds` of traffic.

    The period ends at the latest request, not now, so that an idle treaty keeps the rates of its
    last traffic. Otherwise older requests would expire first, and the last few alone would
    determine the rates. Before the first request, the rates are those of a healthy treaty: 1, 0 ms,
    1.
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
        """The rates of the recent requests.

        `rtt_ms` covers routed requests only; it keeps its last value while there are none.
        """
        requests = sum(part.requests for part in self._slices)
        if not requests:
            return Rates(fill_rate=1, rtt_ms=0, provenance_coverage=1)
        return Rates(
            fill_rate=sum(part.routed for part in self._slices) / requests,
            rtt_ms=self._rtt_ms,
            provenance_coverage=sum(part.with_provenance for part in self._slices) / requests,
        )


class TreatyMetrics:
    """Three counters of the requests under one treaty, and the rates of the recent ones.

    A request counts when it ends, so that requests = routed + dropped at every scrape.
    """

    def __init__(self, registry: CollectorRegistry, treaty: str, recent: RecentRequests) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, LABELS, registry=registry).labels(treaty)

        def counter(name: str, text: str) -> BareCounter:
            made = BareCounter(name, text, LABELS, registry)
            made.create(treaty)
            return made

        self._treaty = treaty
        self._recent = recent
        self._fill_rate = gauge(
            "treaty_fill_rate", "Share of the treaty's recent requests that were routed, 0 to 1."
        )
        self._rtt = gauge(
            "treaty_rtt_ms", "Mean round-trip time of the treaty's recent routed requests."
        )
        self._coverage = gauge(
            "treaty_provenance_coverage",
            "Share of the treaty's recent requests with a known provenance, 0 to 1.",
        )
        self._requests = counter("treaty_requests_total", "Requests made under the treaty.")
        self._routed = counter(
            "treaty_requests_routed", "Requests under the treaty that were routed."
        )
        self._dropped = counter(
            "treaty_dropped_requests", "Requests under the treaty that were dropped."
        )
        self._update_rates()

    def add(self, now: float, *, rtt_ms: float | None, provenance: bool) -> None:
        """Count a request that ended at `now`, in seconds; `rtt_ms` is None if it was dropped."""
        self._requests.inc(self._treaty)
        (self._dropped if rtt_ms is None else self._routed).inc(self._treaty)
        self._recent.add(now, rtt_ms=rtt_ms, provenance=provenance)
        self._update_rates()

    def _update_rates(self) -> None:
        rates = self._recent.rates()
        self._fill_rate.set(rates.fill_rate)
        self._rtt.set(rates.rtt_ms)
        self._coverage.set(rates.provenance_coverage)
