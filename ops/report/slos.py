"""The section on service level objectives, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass

from ops.http_api import Labels
from ops.numbers import NOTHING, number, percent, span
from ops.report.document import Cell, Part, Section, Table, cell, code
from ops.report.facts import Facts, Unavailable, reasons, severity_rank
from ops.report.finding import CRITICAL, WARNING, Finding

ID = "sloth_id"
OBJECTIVE, PERIOD = "slo:objective:ratio", "slo:time_period:days"
ERRORS, BURN = "slo:sli_error:ratio_rate30d", "slo:current_burn_rate:ratio"
LEFT, LASTS = "slo:period_error_budget_remaining:ratio", "slo:error_budget_exhaustion:seconds"
LONG = 365 * 86_400
"""Seconds from which on it is of no interest how long the budget lasts."""


@dataclass(frozen=True)
class Slo:
    """An objective, by its `sloth_id`; None stands for what nothing records now.

    `errors` is the share of bad events over the whole period, `burn` how many times as fast as
    allowed they come now, `left` the share of the budget, which lasts for `lasts` seconds. `alerts`
    are those that fire or will, with their states.
    """

    name: str
    objective: float
    days: float | None
    errors: float | None
    burn: float | None
    left: float | None
    lasts: float | None
    alerts: dict[str, tuple[str, str]]

    @property
    def fires(self) -> bool:
        """Whether an alert says already what is wrong."""
        return any(state == "firing" for state, _ in self.alerts.values())


def slos(facts: Facts) -> list[Slo]:
    """Every objective that is recorded, by name; none if nothing could be asked for."""
    found = {one.metric[ID]: one.value[1] for one in facts.series(OBJECTIVE) if one.metric.get(ID)}
    return [
        Slo(
            name=name,
            objective=objective,
            days=_value(facts, PERIOD, name),
            errors=_value(facts, ERRORS, name),
            burn=_value(facts, BURN, name),
            left=_value(facts, LEFT, name),
            lasts=_value(facts, LASTS, name),
            alerts=_alerts(facts, name),
        )
        for name, objective in sorted(found.items())
    ]


def section(facts: Facts) -> Section:
    """Each objective with how well it is kept, and how long its error budget lasts."""
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


def findings(facts: Facts) -> Iterator[Finding]:
    """The objectives that are broken, that will be at this rate, or of which nothing is known."""
    for slo in slos(facts):
        period = f"{number(slo.days)} days" if slo.days else "the period"
        if slo.left is not None and slo.left <= 0:
            yield Finding(
                CRITICAL,
                f"The error budget of {slo.name} is spent: {percent(slo.left)} of it is left, and"
                f" {percent(slo.objective)} over {period} was promised.",
                "",
                f"Hold back risky changes to the service of {slo.name} until the budget is back.",
            )
        elif slo.fires:
            continue
        elif slo.burn is None:
            yield Finding(
                WARNING,
                f"Nothing is known of {slo.name} now: its share of errors is not recorded.",
                "A metric that it is computed from is missing, or has been for less than a minute.",
                f"See that the service of {slo.name} is scraped and exports what its SLI counts.",
            )
        elif slo.lasts is not None and slo.days and slo.lasts < slo.days * 86_400:
            yield Finding(
                WARNING,
                f"The error budget of {slo.name} burns: with errors as in the last hour, the"
                f" {percent(slo.left)} that is left lasts {span(slo.lasts)}.",
                "",
                f"See on the dashboard SLOs since when {slo.name} burns, and find out why.",
            )


def _row(facts: Facts, slo: Slo) -> tuple[Cell, ...]:
    kept = None if slo.errors is None else 1 - slo.errors
    lasts = NOTHING if slo.lasts is None else span(slo.lasts)
    is_broken = slo.left is not None and slo.left <= 0
    return (
        cell(code(slo.name)),
        cell(f"{percent(slo.objective)} over {number(slo.days)} days"),
        _known(None if kept is None else percent(kept), kept is not None and kept < slo.objective),
        _known(None if slo.left is None else percent(slo.left), is_broken),
        _known(None if slo.burn is None else number(slo.burn), False),
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
    """The active alerts of an objective: state and severity by name."""
    active = [
        (rule.name, alert)
        for rule in facts.rules()
        for alert in rule.alerts
        if alert.labels.get(ID) == name
    ]
    active.sort(key=lambda pair: pair[0])
    return {rule: (one.state, one.labels.get("severity", "")) for rule, one in active}


def _value(facts: Facts, series: str, name: str) -> float | None:
    """The value of an objective's series; None if there is none, or more than one."""
    found = [one.value[1] for one in facts.series(series) if _is(one.metric, name)]
    return found[0] if len(found) == 1 and found[0] == found[0] else None


def _is(labels: Labels, name: str) -> bool:
    return labels.get(ID) == name
