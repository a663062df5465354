"""The section on service level objectives."""

import math
from dataclasses import dataclass

from ops.numbers import NOTHING, number, percent, span
from ops.report.document import Cell, Part, Section, Table, cell, code
from ops.report.facts import Facts, Unavailable, reasons, severity_rank

ID = "sloth_id"
OBJECTIVE, PERIOD = "slo:objective:ratio", "slo:time_period:days"
ERRORS, BURN = "slo:sli_error:ratio_rate{:.0f}d", "slo:current_burn_rate:ratio"
"""ERRORS is completed by the number of days."""
LEFT, LASTS = "slo:period_error_budget_remaining:ratio", "slo:error_budget_exhaustion:seconds"
LONG = 365 * 86_400
"""In seconds. Budgets that last longer are shown as "a year or more"."""


@dataclass(frozen=True)
class Slo:
    """An objective; `name` is its `sloth_id`. A value is None if it is not recorded now.

    `error_ratio` is the share of bad events over the period of `days`. `burn_rate` is 1 if the
    error budget would last exactly the period. `budget_left` is a share of the budget; `lasts` is
    the number of seconds until it is spent at the current rate. `alerts` holds (state, severity) of
    pending and firing alerts by name.
    """

    name: str
    objective: float
    days: float | None
    error_ratio: float | None
    burn_rate: float | None
    budget_left: float | None
    lasts: float | None
    alerts: dict[str, tuple[str, str]]

    @property
    def fires(self) -> bool:
        """Whether any of its alerts is firing."""
        return any(state == "firing" for state, _ in self.alerts.values())


def slos(facts: Facts) -> list[Slo]:
    """All recorded objectives, ordered by name; none if the samples are unavailable."""
    found = {one.metric[ID]: one.value[1] for one in facts.series(OBJECTIVE) if one.metric.get(ID)}
    days = {name: _value(facts, PERIOD, name) for name in found}
    return [
        Slo(
            name=name,
            objective=objective,
            days=days[name],
            error_ratio=_value(facts, ERRORS.format(days[name] or 0), name),
            burn_rate=_value(facts, BURN, name),
            budget_left=_value(facts, LEFT, name),
            lasts=_value(facts, LASTS, name),
            alerts=_alerts(facts, name),
        )
        for name, objective in sorted(found.items())
    ]


def section(facts: Facts) -> Section:
    """The section on objectives, with their error budgets and alerts."""
    return Section(
        id="slos",
        title="Service level objectives",
        intro="The error budget is the share of bad events that the objective leaves. At a burn "
        "rate of 1 it lasts exactly as long as the period.",
        blocks=[
            Table(
                ("Objective", "Promised", "Kept", "Budget left", "Burn rate", "Lasts", "Alerts"),
                [_row(facts, slo) for slo in slos(facts)],
                empty="No objective is recorded." if not reasons(facts.samples) else "",
            )
        ],
        unavailable=reasons(facts.samples, facts.groups),
    )


def _row(facts: Facts, slo: Slo) -> tuple[Cell, ...]:
    kept = None if slo.error_ratio is None else 1 - slo.error_ratio
    lasts = NOTHING if slo.lasts is None else span(slo.lasts)
    is_broken = slo.budget_left is not None and slo.budget_left <= 0
    return (
        cell(code(slo.name)),
        cell(f"{percent(slo.objective)} over {number(slo.days)} days"),
        _known(None if kept is None else percent(kept), kept is not None and kept < slo.objective),
        _known(None if slo.budget_left is None else percent(slo.budget_left), is_broken),
        _known(None if slo.burn_rate is None else number(slo.burn_rate), False),
        cell("a year or more" if slo.lasts is not None and slo.lasts >= LONG else lasts),
        _states(facts, slo),
    )


def _known(text: str | None, is_bad: bool) -> Cell:
    return cell("unknown", tone="bad") if text is None else cell(text, tone="bad" if is_bad else "")


def _states(facts: Facts, slo: Slo) -> Cell:
    if isinstance(facts.groups, Unavailable):
        return cell("unknown", tone="muted")
    if not slo.alerts:
        return cell("none is active", tone="good")
    return cell(
        *(
            Part(f"{name} {state}", _tone(state, severity))
            for name, (state, severity) in slo.alerts.items()
        )
    )


def _tone(state: str, severity: str) -> str:
    if state != "firing":
        return "muted"
    return "bad" if severity_rank(severity) == 0 else "warn"


def _alerts(facts: Facts, name: str) -> dict[str, tuple[str, str]]:
    """The pending and firing alerts of an objective: (state, severity) by name."""
    active = [
        (rule.name, alert)
        for rule in facts.rules()
        for alert in rule.alerts
        if alert.labels.get(ID) == name
    ]
    active.sort(key=lambda pair: pair[0])
    return {rule: (one.state, one.labels.get("severity", "")) for rule, one in active}


def _value(facts: Facts, series: str, name: str) -> float | None:
    """The value of an objective's series; None for NaN, or unless exactly one series exists."""
    found = [one.value[1] for one in facts.series(series) if one.metric.get(ID) == name]
    return found[0] if len(found) == 1 and not math.isnan(found[0]) else None
