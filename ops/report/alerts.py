"""The sections on rules, firing alerts and silences."""

from collections.abc import Iterable

from ops.alertmanager_api import NotifiedAlert
from ops.http_api import Labels
from ops.numbers import NOTHING, number, span, when
from ops.prometheus_api import ActiveAlert, Rule, RuleGroup
from ops.report.document import Cell, Items, Part, Section, Table, cell, code
from ops.report.facts import Facts, Unavailable, reasons, subject

SEVERITY_TONES = {"critical": "bad", "warning": "warn"}
_HEALTH = {"err": "can't be evaluated:", "unknown": "has not been evaluated yet."}


def rules_section(facts: Facts) -> Section:
    """The rule groups with their numbers of healthy rules, and the errors of unhealthy rules."""
    groups = [] if isinstance(facts.groups, Unavailable) else facts.groups
    unhealthy = [rule for rule in facts.rules() if rule.health != "ok"]
    return Section(
        id="rules",
        title="Rules",
        blocks=[
            Table(
                ("Group", "Alerts", "Recording rules", "Healthy", "Evaluated every"),
                [_group(group) for group in sorted(groups, key=lambda group: group.name)],
                empty="No rule group is loaded.",
            ),
            Items(
                [
                    cell(
                        code(rule.name, "bad" if rule.health == "err" else "muted"),
                        f"{_HEALTH.get(rule.health, rule.health)} {rule.last_error}",
                    )
                    for rule in unhealthy
                ],
                empty="Every loaded rule is healthy." if groups else "",
            ),
        ],
        unavailable=reasons(facts.groups),
    )


def firing_section(facts: Facts) -> Section:
    """Each firing alert with its subject, value, thresholds and notified receivers."""
    headers = ("Alert", "Severity", "On", "Value", "Threshold", "Since", "Receiver", "Runbook")
    return Section(
        id="alerts",
        title="Firing alerts",
        blocks=[
            Table(
                headers,
                [_alert(facts, rule, alert) for rule, alert in facts.firing()],
                empty="No alert is firing." if not reasons(facts.groups) else "",
            )
        ],
        unavailable=reasons(facts.groups, facts.notified),
    )


def silences_section(facts: Facts) -> Section:
    """The active and pending silences."""
    silences = [] if isinstance(facts.silences, Unavailable) else facts.silences
    current = [silence for silence in silences if silence.status.state != "expired"]
    return Section(
        id="silences",
        title="Silences",
        blocks=[
            Table(
                ("Silences", "State", "From", "Until", "By", "Reason"),
                [
                    (
                        cell(*(code(str(matcher)) for matcher in silence.matchers)),
                        cell(silence.status.state),
                        cell(when(silence.starts_at)),
                        cell(when(silence.ends_at)),
                        cell(silence.created_by),
                        cell(silence.comment),
                    )
                    for silence in sorted(current, key=lambda one: (one.ends_at, one.id))
                ],
                empty="Nothing is silenced." if not reasons(facts.silences) else "",
            )
        ],
        unavailable=reasons(facts.silences),
    )


def threshold_text(annotations: Labels) -> str:
    """The thresholds in an alert's annotations, for example `0.7` or `0.1 (low), 0.9 (high)`."""
    stated = {
        name.removeprefix("threshold").lstrip("_"): text
        for name, text in sorted(annotations.items(), reverse=True)
        if name == "threshold" or name.startswith("threshold_")
    }
    return ", ".join(f"{text} ({name})" if name else text for name, text in stated.items())


def notified_alert(facts: Facts, alert: ActiveAlert) -> NotifiedAlert | None:
    """The same alert in Alertmanager, where it also has Prometheus' external labels."""
    if isinstance(facts.notified, Unavailable):
        return None
    same = [one for one in facts.notified if alert.labels.items() <= one.labels.items()]
    return min(same, key=lambda one: len(one.labels), default=None)


def _group(group: RuleGroup) -> tuple[Cell, ...]:
    healthy = sum(rule.health == "ok" for rule in group.rules)
    return (
        cell(code(group.name)),
        cell(_count(group.rules, "alerting")),
        cell(_count(group.rules, "recording")),
        cell(
            f"{healthy} of {len(group.rules)}",
            tone="good" if healthy == len(group.rules) else "bad",
        ),
        cell(span(group.interval)),
    )


def _count(rules: Iterable[Rule], type_: str) -> str:
    return str(sum(rule.type == type_ for rule in rules))


def _alert(facts: Facts, rule: Rule, alert: ActiveAlert) -> tuple[Cell, ...]:
    severity = alert.labels.get("severity", "none")
    page = alert.annotations.get("runbook_url", "")
    return (
        cell(code(rule.name)),
        cell(severity, tone=SEVERITY_TONES.get(severity, "bad")),
        cell(code(subject(alert.labels))),
        cell(number(alert.value)),
        cell(threshold_text(alert.annotations) or NOTHING),
        cell(when(alert.active_at)),
        _receivers(facts, alert),
        cell(Part(page.rsplit("/", 1)[-1] or page, href=page))
        if page
        else cell("none", tone="bad"),
    )


def _receivers(facts: Facts, alert: ActiveAlert) -> Cell:
    if isinstance(facts.notified, Unavailable):
        return cell("unknown", tone="muted")
    held = notified_alert(facts, alert)
    if held is None:
        return cell("none: Alertmanager does not have it", tone="bad")
    if held.status.silenced_by:
        return cell("silenced", tone="muted")
    if held.status.inhibited_by:
        return cell("inhibited by a more severe alert", tone="muted")
    return cell(*dict.fromkeys(receiver.name for receiver in held.receivers))
