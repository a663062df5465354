"""The sections on the metrics: the inventory, and the health of the whole platform."""

from ops.numbers import SPACE, number, percent
from ops.prometheus_api import Sample
from ops.report.document import Cell, Part, Section, Table, cell, code
from ops.report.facts import AVAILABILITY, HEALTH, Facts, Unavailable, pod_of, reasons
from ops.report.inventory import Metric, Uses


def inventory_section(facts: Facts) -> Section:
    """Each metric with its values, the rules that record it and the alerts that look at it."""
    uses = Uses(facts.rules())
    metrics = [] if isinstance(facts.inventory, Unavailable) else facts.inventory
    return Section(
        id="metrics",
        title="Metrics",
        intro="The metrics that the workloads promise. Rules are those that are loaded: a "
        "recording rule selects the metric itself, an alert it or what is recorded from it.",
        blocks=[
            Table(
                ("Metric", "Type", "Unit", "Value", "Recorded as", "Alerts"),
                [
                    (
                        cell(code(metric.name)),
                        _type(facts, metric),
                        cell(metric.unit),
                        _values(facts, metric),
                        cell(*(code(name) for name in uses.records(metric.name))),
                        cell(*(code(name) for name in uses.alerts(metric.name))),
                    )
                    for metric in metrics
                ],
            )
        ],
        unavailable=reasons(facts.inventory, facts.samples, facts.groups),
    )


def platform_section(facts: Facts) -> Section:
    """Health score and availability, with what they mean."""
    rows = [
        (
            HEALTH,
            "Availability, times how well the ψ-Field pods agree and the worst treaty fills its "
            "requests. 100 % when all is well, 0 % when nothing is up.",
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
                    (cell(code(name)), cell(_shared(facts, name)), cell(meaning))
                    for name, meaning in rows
                ],
            )
        ],
        unavailable=reasons(facts.samples),
    )


def _shared(facts: Facts, name: str) -> Part:
    value = facts.value(name)
    if value is None:
        unknown = isinstance(facts.samples, Unavailable)
        return Part("unknown", "muted") if unknown else Part("no value: nothing records it", "bad")
    return Part(percent(value), share_tone(value))


def share_tone(value: float | None) -> str:
    """Good at 100 %, bad below a half, and a warning between."""
    if value is None:
        return "muted"
    return "good" if value >= 0.995 else "warn" if value >= 0.5 else "bad"


def _type(facts: Facts, metric: Metric) -> Cell:
    """The type in the inventory; and the one that is exported, where that is another."""
    if isinstance(facts.metadata, Unavailable):
        return cell(metric.type)
    exported = {one.type for one in facts.metadata.get(metric.name, ())} - {metric.type, "unknown"}
    return cell(
        metric.type,
        *(Part(f"exported as {other}", "bad") for other in sorted(exported)),
    )


def _values(facts: Facts, metric: Metric) -> Cell:
    found = facts.series(metric.name)
    if not found:
        unknown = isinstance(facts.samples, Unavailable)
        return cell("unknown" if unknown else "no value", tone="muted" if unknown else "bad")
    return cell(
        *(
            Part(f"{_who(metric, sample)}: {_with_unit(sample.value[1], metric.unit)}")
            for sample in found
        )
    )


def _with_unit(value: float, unit: str) -> str:
    """The number, with its unit where that has a sign."""
    sign = {"milliseconds": "ms", "seconds": "s", "bytes": "B"}.get(unit)
    return number(value) if sign is None else f"{number(value)}{SPACE}{sign}"


def _who(metric: Metric, sample: Sample) -> str:
    own = [sample.metric[label] for label in metric.labels if sample.metric.get(label)]
    return ", ".join([*own, pod_of(sample.metric)])
