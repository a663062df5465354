"""The treaty's six metrics, under the names its owners gave them."""

from prometheus_client import CollectorRegistry, Gauge

from services.shell import BareCounter
from services.treaty.window import Window

LABELS = ("treaty",)


class Ledger:
    """What became of the requests under one treaty: three counters, and the rates of the window.

    A request counts when it has ended, so that at every scrape requests = routed + dropped.
    """

    def __init__(self, registry: CollectorRegistry, treaty: str, window: Window) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, LABELS, registry=registry).labels(treaty)

        def counter(name: str, text: str) -> BareCounter:
            made = BareCounter(name, text, LABELS, registry)
            made.touch(treaty)
            return made

        self._treaty = treaty
        self._window = window
        self._fill_rate = gauge("treaty_fill_rate", "Share of the requests that were routed.")
        self._rtt = gauge("treaty_rtt_ms", "Mean round-trip time of routed requests.")
        self._coverage = gauge(
            "treaty_provenance_coverage", "Share of the requests that carried provenance."
        )
        self._requests = counter("treaty_requests_total", "Requests made under the treaty.")
        self._routed = counter("treaty_requests_routed", "Requests that were routed.")
        self._dropped = counter("treaty_dropped_requests", "Requests that were dropped.")
        self._show_rates()

    def add(self, now: float, *, rtt_ms: float | None, provenance: bool) -> None:
        """Count a request that ended at `now`, in seconds; `rtt_ms` is None if it was dropped."""
        self._requests.inc(self._treaty)
        (self._dropped if rtt_ms is None else self._routed).inc(self._treaty)
        self._window.add(now, rtt_ms=rtt_ms, provenance=provenance)
        self._show_rates()

    def _show_rates(self) -> None:
        rates = self._window.rates()
        self._fill_rate.set(rates.fill_rate)
        self._rtt.set(rates.rtt_ms)
        self._coverage.set(rates.provenance_coverage)
