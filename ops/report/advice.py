"""The sections on findings and on what to do next."""

from collections.abc import Sequence

from ops.numbers import points
from ops.report.alerting import SEVERITY_TONES
from ops.report.document import Cell, Items, Part, Section, cell, code
from ops.report.facts import Facts, reasons
from ops.report.finding import Finding
from ops.report.maturity import Judged


def findings_section(facts: Facts, found: Sequence[Finding]) -> Section:
    """What is wrong, and why it probably is."""
    blind = reasons(facts.groups, facts.targets, facts.samples)
    return Section(
        id="findings",
        title="Findings",
        blocks=[
            Items([_item(one) for one in found], empty="Nothing is wrong." if not blind else "")
        ],
    )


def actions_section(found: Sequence[Finding], judged: Sequence[Judged]) -> Section:
    """What to do, the most urgent first; what would lift the maturity score comes last."""
    actions = dict.fromkeys((one.action, one.command, one.page) for one in found)
    items = [
        cell(
            action,
            *([code(command)] if command else []),
            *([Part("runbook", href=page)] if page else []),
        )
        for action, command, page in actions
    ]
    items += [
        cell(
            f"Bring about: {one.capability.name} (+{points(one.capability.points)} maturity)."
            f" Missing: {one.evidence.text}."
        )
        for one in judged
        if not one.evidence.observed
    ]
    return Section(
        id="actions",
        title="Next actions",
        blocks=[Items(items, empty="Nothing needs to be done.", numbered=True)],
    )


def _item(one: Finding) -> Cell:
    tone = SEVERITY_TONES.get(one.severity, "bad")
    lines = [Part(f"{one.severity}: {one.what}", tone)]
    if one.cause:
        lines.append(Part(f"Likely cause: {one.cause}"))
    if one.page:
        lines.append(Part("runbook", href=one.page))
    return cell(*lines)
