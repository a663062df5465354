"""The maturity score, 0 to 10: the points of what was observed, and of nothing else."""

from dataclasses import dataclass

from ops.numbers import points
from ops.report.capabilities import CAPABILITIES, Capability
from ops.report.checks import Evidence
from ops.report.document import Part, Section, Table, cell
from ops.report.facts import Facts, reasons

SCALE = 10


@dataclass(frozen=True)
class Judged:
    """A capability with what was seen of it."""

    capability: Capability
    evidence: Evidence

    @property
    def earned(self) -> float:
        """All of its points, or none."""
        return self.capability.points if self.evidence.observed else 0.0


def judge(facts: Facts) -> list[Judged]:
    """Every capability, in the order of the table."""
    return [Judged(capability, capability.check(facts)) for capability in CAPABILITIES]


def score(judged: list[Judged]) -> float:
    """The points together; they are quarters, which floats add up exactly."""
    return sum(one.earned for one in judged)


def reachable() -> float:
    """What the table adds up to."""
    return sum(capability.points for capability in CAPABILITIES)


def section(facts: Facts, judged: list[Judged]) -> Section:
    """The score with the evidence for each point."""
    return Section(
        id="maturity",
        title="Observability maturity",
        intro=f"{points(score(judged))} of {points(reachable())} points that can be earned here,"
        f" on a scale of 0 to {SCALE}. A capability earns its points only if it was observed.",
        blocks=[
            Table(
                ("Capability", "Stage", "Points", "Evidence"),
                [
                    (
                        cell(one.capability.name),
                        cell(one.capability.stage),
                        cell(
                            f"{points(one.earned)} of {points(one.capability.points)}",
                            tone="good" if one.evidence.observed else "bad",
                        ),
                        cell(Part(one.evidence.text, "" if one.evidence.observed else "bad")),
                    )
                    for one in judged
                ],
            )
        ],
        unavailable=reasons(facts.version, facts.rendered),
    )
