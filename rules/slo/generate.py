"""Makes the rules that watch an objective, under the names and labels that Sloth gives them.

What is ours, and why, says docs/decisions/14-slos-from-events.md: every window is computed from the
events themselves, no events and no time watched count as no errors, the alerts compare one recorded
burn rate for each pair of windows, and an indicator that is missing is an alert of its own.
"""

from dataclasses import dataclass

from rules.schema import AlertRule, Group, RecordRule
from rules.slo.alerts import alerts
from rules.slo.objective import Slo
from rules.slo.records import quick_records, slow_records
from rules.slo.windows import QUICK_INTERVAL, SLOW_INTERVAL
from rules.source import Sourced


@dataclass(frozen=True)
class SloRules:
    """The rules of one objective."""

    slo: Slo
    records: list[Sourced[RecordRule]]
    alerts: list[Sourced[AlertRule]]


def generate(slo: Slo) -> SloRules:
    """The recording rules and alerts of an objective, in two groups: the quick and the slow."""
    name = f"slo-{slo.id}"
    quick = Group.model_construct(name=name, interval=QUICK_INTERVAL)
    slow = Group.model_construct(name=f"{name}-slow", interval=SLOW_INTERVAL)

    def sourced(rule: RecordRule, group: Group) -> Sourced[RecordRule]:
        return Sourced(rule, group, slo.document, slo.place)

    return SloRules(
        slo,
        records=[
            *(sourced(rule, quick) for rule in quick_records(slo)),
            *(sourced(rule, slow) for rule in slow_records(slo)),
        ],
        alerts=[
            Sourced(rule, quick, slo.document, (*slo.place, "alerting", *field))
            for rule, field in alerts(slo)
        ],
    )
