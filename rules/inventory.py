"""The inventory of metrics, rules/metrics.yaml: the metrics that exist, and their labels."""

from typing import Annotated, Any

from pydantic import Field

from problems import Problems
from promql.labels import Labels
from rules.reader import Document, Place
from rules.schema import LabelName, MetricName, MetricType, Strict, Text, validate

METRICS_FILE = "rules/metrics.yaml"
_SUFFIXES = {
    "gauge": ("",),
    "counter": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}
_EXTRA_LABEL = {("histogram", "_bucket"): "le", ("summary", ""): "quantile"}
_SECTIONS = {
    "metrics": ("workload",),
    "details": ("workload",),
    "processes": (),
    "platform": ("workload",),
    "prometheus": ("labels_of_alert",),
}
"""Section of the file -> fields that are specific to it."""


class Metric(Strict):
    """A metric of the inventory.

    In the file, `labels` omits the labels that every scrape adds; `load_inventory` prepends them.
    `workload` names the exporting workload; it is None for metrics of every process and for those
    that Prometheus makes itself. With `labels_of_alert`, the series also carry the labels of their
    alert. `unused` says why no rule and no dashboard uses the metric.
    """

    name: MetricName
    type: MetricType
    unit: Text
    labels: list[LabelName]
    help: Text
    workload: Text | None = None
    unused: Text | None = None
    labels_of_alert: bool = False

    def series(self) -> dict[str, Labels]:
        """The labels of each series of the metric, by the series' name."""
        found: dict[str, Labels] = {}
        for suffix in _SUFFIXES[self.type]:
            extra = _EXTRA_LABEL.get((self.type, suffix))
            labels = frozenset((*self.labels, extra) if extra else self.labels)
            found[self.name + suffix] = None if self.labels_of_alert else labels
        return found


class MetricsFile(Strict):
    """The inventory file; its metrics are validated one by one."""

    scrape_labels: list[LabelName]
    metrics: Annotated[list[Any], Field(min_length=1)]
    details: list[Any] = Field(default_factory=list)
    processes: list[Any] = Field(default_factory=list)
    platform: list[Any] = Field(default_factory=list)
    prometheus: Annotated[list[Any], Field(min_length=1)]


def load_inventory(document: Document, problems: Problems) -> tuple[Metric, ...]:
    """The metrics of the inventory file; reports every problem of the file."""
    top = Place(document)
    file = validate(MetricsFile, document.data, top, problems)
    if file is None:
        return ()
    found: dict[str, Metric] = {}
    places: dict[str, Place] = {}
    for section, own_fields in _SECTIONS.items():
        for number, data in enumerate(getattr(file, section)):
            place = top.at(section, number)
            metric = validate(Metric, data, place, problems)
            if metric is None or not _has_own_fields(metric, own_fields, place, problems):
                continue
            first = places.setdefault(metric.name, place.at("name"))
            if metric.name in found:
                text = f"the metric {metric.name} is already at {first}. Keep one."
                place.at("name").report(problems, text)
                continue
            scraped = [] if section == "prometheus" else file.scrape_labels
            labels = list(dict.fromkeys([*scraped, *metric.labels]))
            if len(labels) < len(scraped) + len(metric.labels):
                text = f"{metric.name} names a label twice. Keep one."
                place.at("labels").report(problems, text)
            found[metric.name] = metric.model_copy(update={"labels": labels})
    return tuple(found.values())


def _has_own_fields(
    metric: Metric, own_fields: tuple[str, ...], place: Place, problems: Problems
) -> bool:
    """Whether a metric has the fields of its section; reports each missing or extra field."""
    before = len(problems)
    for field in ("workload", "labels_of_alert"):
        if field in metric.model_fields_set and field not in own_fields:
            place.at(field).report(problems, f"`{field}` is not used in this section. Remove it.")
    if "workload" in own_fields and metric.workload is None:
        place.report(problems, "`workload` is missing. Add it.")
    return len(problems) == before
