"""The sections on the key metrics and on the platform's health.

The key metrics are those that the rendered recording rules aggregate. Their types and values come
from Prometheus, their units from their names.
"""

import re
from collections.abc import Iterable, Iterator

import yaml

from ops.manifests import ConfigMaps, ManifestsError
from ops.numbers import SPACE, number, percent
from ops.prometheus_api import Rule, Sample
from ops.report.document import Cell, Part, Section, Table, cell, code
from ops.report.facts import AVAILABILITY, HEALTH, Facts, Metric, Unavailable, pod_of, reasons
from promql.errors import PromqlError
from promql.expressions import parse

RECORDING_RULES = ("prometheus-server", "recording_rules.yml")
"""The ConfigMap and key of the recording rules that aggregate the key metrics."""
_OF_EVERY_SERIES = {"__name__", "job", "namespace", "pod", "instance"}
_OF_THE_MONITORING = {"up", "probe_success", "ALERTS", "kube_deployment_spec_replicas"}
"""Series of Prometheus and its exporters: they are about the workloads, not by them."""
_RATED = re.compile(r"\b(?:rate|increase)\(\s*([\w:]+)\s*[{\[]")
_UNITS = {"_ms": "ms", "_seconds": "s", "_bytes": "B"}


def key_metrics(config_maps: ConfigMaps) -> list[Metric]:
    """The workloads' metrics that the recording rules select, in order of appearance.

    A name with a colon is that of a recorded series.

    Raises ManifestsError if the rules are missing.
    """
    name, key = RECORDING_RULES
    try:
        groups = yaml.safe_load(config_maps[name][key])["groups"]
        rules = [(rule["record"], rule["expr"]) for group in groups for rule in group["rules"]]
    except (KeyError, TypeError, yaml.YAMLError):
        raise ManifestsError(
            f"ConfigMap {name}, {key}: is not a file of recording rules. Run `make up`."
        ) from None
    selected = dict.fromkeys(metric for _, expr in rules for metric in sorted(series_in(expr)))
    rated = {metric for _, expr in rules for metric in _RATED.findall(expr)}
    return [
        Metric(metric, "counter" if metric in rated else "gauge")
        for metric in selected
        if ":" not in metric and metric not in _OF_THE_MONITORING
    ]


class Uses:
    """Finds the loaded rules that use a series."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._used = {(rule.type, rule.name, rule.query): series_in(rule.query) for rule in rules}

    def records(self, name: str) -> list[str]:
        """The recording rules that select the series directly."""
        return sorted({rule for rule in self._users("recording", {name}) if rule != name})

    def alerts(self, name: str) -> list[str]:
        """The alerts that use the series, directly or through recording rules."""
        reached, waiting = {name}, [name]
        while waiting:
            for record in self._users("recording", {waiting.pop()}):
                if record not in reached:
                    reached.add(record)
                    waiting.append(record)
        return sorted(set(self._users("alerting", reached)))

    def _users(self, type_: str, names: set[str]) -> Iterator[str]:
        for (kind, rule, _), used in self._used.items():
            if kind == type_ and used & names:
                yield rule


def series_in(expression: str) -> set[str]:
    """The names of the series that an expression selects; none if it does not parse."""
    try:
        found = parse(expression).selectors
    except PromqlError:
        return set()
    names = {selector.metric for selector in found if selector.metric}
    patterns = (m.value for one in found for m in one.matchers if m.name == "__name__")
    return names.union(*(pattern.split("|") for pattern in patterns))


def metrics_section(facts: Facts) -> Section:
    """The key metrics with their values, recording rules and alerts."""
    uses = Uses(facts.rules())
    metrics = [] if isinstance(facts.metrics, Unavailable) else facts.metrics
    return Section(
        id="metrics",
        title="Metrics",
        intro="The metrics that the recording rules aggregate. A recording rule selects the metric "
        "itself; an alert selects it, or a series that is recorded from it.",
        blocks=[
            Table(
                ("Metric", "Type", "Value", "Recorded as", "Alerts"),
                [
                    (
                        cell(code(metric.name)),
                        _type(facts, metric),
                        _values(facts, metric.name),
                        cell(*(code(name) for name in uses.records(metric.name))),
                        cell(*(code(name) for name in uses.alerts(metric.name))),
                    )
                    for metric in metrics
                ],
            )
        ],
        unavailable=reasons(facts.metrics, facts.samples, facts.groups),
    )


def platform_section(facts: Facts) -> Section:
    """Health score and availability, each with an explanation."""
    rows = [
        (
            HEALTH,
            "Share of the pods that serve, times the share of the probes that succeed, times how "
            "well the ψ-Field pods and the worst treaty do. At most 50 % while a critical alert "
            "fires, 100 % when all is well, 0 % when nothing is up.",
        ),
        (AVAILABILITY, "Share of the layer-3 services, ψ-Field and treaty, that are up."),
    ]
    return Section(
        id="platform",
        title="Platform health",
        blocks=[
            Table(
                ("Series", "Value", "Meaning"),
                [
                    (cell(code(name)), cell(_share(facts, name)), cell(meaning))
                    for name, meaning in rows
                ],
            )
        ],
        unavailable=reasons(facts.samples),
    )


def share_tone(value: float | None) -> str:
    """`good` at 100 %, `bad` below 50 %, `warn` in between."""
    if value is None:
        return "muted"
    return "good" if value >= 0.995 else "warn" if value >= 0.5 else "bad"


def _share(facts: Facts, name: str) -> Part:
    value = facts.value(name)
    if value is None:
        unknown = isinstance(facts.samples, Unavailable)
        return Part("unknown", "muted") if unknown else Part("no value: no rule records it", "bad")
    return Part(percent(value), share_tone(value))


def _type(facts: Facts, metric: Metric) -> Cell:
    """The type that the rules expect, and the exported type if it differs."""
    if isinstance(facts.metadata, Unavailable):
        return cell(metric.type)
    exported = {one.type for one in facts.metadata.get(metric.name, ())} - {metric.type, "unknown"}
    return cell(metric.type, *(Part(f"exported as {other}", "bad") for other in sorted(exported)))


def _values(facts: Facts, name: str) -> Cell:
    found = facts.series(name)
    if not found:
        unknown = isinstance(facts.samples, Unavailable)
        return cell("unknown" if unknown else "no value", tone="muted" if unknown else "bad")
    unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
    return cell(
        *(
            Part(f"{_series_name(one)}: {number(one.value[1])}{SPACE + unit if unit else ''}")
            for one in found
        )
    )


def _series_name(sample: Sample) -> str:
    """The metric's own labels, such as the treaty, then the pod."""
    own = [value for name, value in sorted(sample.metric.items()) if name not in _OF_EVERY_SERIES]
    return ", ".join([*filter(None, own), pod_of(sample.metric)])
