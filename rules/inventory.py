"""The inventory of metrics, rules/metrics.yaml: what exists, and which labels it carries."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from problems import Problems
from promql.labels import Labels
from rules import schema
from rules.files import METRICS
from rules.reader import Document, Place

_SUFFIXES = {
    "gauge": ("",),
    "counter": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}
_EXTRA_LABEL = {("histogram", "_bucket"): "le", ("summary", ""): "quantile"}


@dataclass(frozen=True)
class Metric:
    """A metric of the inventory.

    `labels` are all the labels of its series, those of scraping first. `workload` is None for what
    every process exports, and for what Prometheus makes itself. `labels_of_alert`: it carries the
    labels of the alert besides.
    `unused`: why nothing uses it, where that is on purpose.
    """

    name: str
    type: str
    unit: str
    labels: tuple[str, ...]
    help: str
    workload: str | None = None
    unused: str | None = None
    labels_of_alert: bool = False

    def series(self) -> dict[str, Labels]:
        """The names of the series the metric consists of, with their labels."""
        found: dict[str, Labels] = {}
        for suffix in _SUFFIXES[self.type]:
            extra = _EXTRA_LABEL.get((self.type, suffix))
            labels = frozenset((*self.labels, extra) if extra else self.labels)
            found[self.name + suffix] = None if self.labels_of_alert else labels
        return found


def load_inventory(document: Document, problems: Problems) -> tuple[Metric, ...]:
    """The metrics of the inventory file; notes what is wrong with it."""
    file = schema.validate(schema.MetricsFile, document, (), document.data, problems)
    if file is None:
        return ()
    found: dict[str, Metric] = {}
    lines: dict[str, int] = {}
    for section, model in (
        ("metrics", schema.WorkloadMetric),
        ("details", schema.WorkloadMetric),
        ("processes", schema.Metric),
        ("platform", schema.WorkloadMetric),
        ("prometheus", schema.PrometheusMetric),
    ):
        for number, data in enumerate(getattr(file, section)):
            place: Place = (section, number)
            metric = schema.validate(model, document, place, data, problems)
            if metric is None:
                continue
            line = document.line((*place, "name"))
            if metric.name in found:
                first = f"{METRICS}:{lines[metric.name]}"
                problems.add(
                    METRICS, line, f"the metric {metric.name} is already at {first}. Keep one."
                )
                continue
            scraped = [] if section == "prometheus" else file.scrape_labels
            labels = tuple(dict.fromkeys([*scraped, *metric.labels]))
            if len(labels) < len(scraped) + len(metric.labels):
                at = document.line((*place, "labels"))
                problems.add(METRICS, at, f"{metric.name} names a label twice. Keep one.")
            lines[metric.name] = line
            found[metric.name] = Metric(**{**metric.model_dump(), "labels": labels})
    return tuple(found.values())


def nearest(name: str, known: Iterable[str]) -> str:
    """Advice on a metric that is not known."""
    near = get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]}?" if near else f"Add it to {METRICS} if a workload exports it."
