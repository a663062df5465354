"""Metrics in Prometheus' text exposition format."""

from collections.abc import Iterator, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

# Drop the `_created` series that the library adds for every counter and histogram.
prometheus_client.disable_created_metrics()

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class BareCounter(Collector):
    """A counter whose name lacks `_total`, which the client library would add.

    A series exists after `create` or `inc` was called with its label values.
    """

    def __init__(
        self, name: str, help_text: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self._name, self._help, self._labels = name, help_text, tuple(labels)
        self._values: dict[tuple[str, ...], float] = {}
        registry.register(self)

    def create(self, *values: str) -> None:
        """Create the series with these label values, at 0."""
        self.inc(*values, by=0)

    def inc(self, *values: str, by: float = 1) -> None:
        """Add `by`, 0 or more, to the series with these label values.

        Raises ValueError if `by` is negative or a label value is missing.
        """
        if by < 0 or len(values) != len(self._labels):
            raise ValueError(f"{self._name}: a counter only grows, and has labels {self._labels}")
        self._values[values] = self._values.get(values, 0) + by

    def collect(self) -> Iterator[Metric]:
        """Yield the current series, for a scrape."""
        family = Metric(self._name, self._help, "counter")
        for values, value in self._values.items():
            family.add_sample(self._name, dict(zip(self._labels, values, strict=True)), value)
        yield family


class _Snapshot(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def exposition(registry: CollectorRegistry) -> str:
    """Render all metrics of the registry as text."""
    families = list(registry.collect())
    text = prometheus_client.generate_latest(_Snapshot(families)).decode()
    for family in families:
        # The library appends `_total` in every counter's HELP and TYPE, even if no sample has it.
        if family.type == "counter" and any(s.name == family.name for s in family.samples):
            for keyword in ("HELP", "TYPE"):
                head = f"# {keyword} {family.name}"
                text = text.replace(f"{head}_total ", f"{head} ")
    return text
