"""Metrics in Prometheus' text format."""

from collections.abc import Iterator, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

# The time a counter was made is a series of its own that nobody asked for.
prometheus_client.disable_created_metrics()

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class BareCounter(Collector):
    """A counter whose name lacks `_total`, which the client library would add.

    A series exists, at 0, once `touch` or `inc` has named its labels.
    """

    def __init__(
        self, name: str, help_text: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self._name, self._help, self._labels = name, help_text, tuple(labels)
        self._values: dict[tuple[str, ...], float] = {}
        registry.register(self)

    def touch(self, *values: str) -> None:
        """Let the series with these label values exist."""
        self.inc(*values, by=0)

    def inc(self, *values: str, by: float = 1) -> None:
        """Add `by`, 0 or more, to the series with these label values.

        Raises ValueError if `by` is negative or a label value is missing.
        """
        if by < 0 or len(values) != len(self._labels):
            raise ValueError(f"{self._name}: a counter only grows, and has labels {self._labels}")
        self._values[values] = self._values.get(values, 0) + by

    def collect(self) -> Iterator[Metric]:
        """The series as they are now."""
        family = Metric(self._name, self._help, "counter")
        for values, value in self._values.items():
            family.add_sample(self._name, dict(zip(self._labels, values, strict=True)), value)
        yield family


class _Collected(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def exposition(registry: CollectorRegistry) -> str:
    """All metrics of the registry as text."""
    families = list(registry.collect())
    text = prometheus_client.generate_latest(_Collected(families)).decode()
    for family in families:
        # The library writes `_total` into the head of every counter, also where a sample lacks it.
        if family.type == "counter" and any(s.name == family.name for s in family.samples):
            for keyword in ("HELP", "TYPE"):
                head = f"# {keyword} {family.name}"
                text = text.replace(f"{head}_total ", f"{head} ")
    return text
