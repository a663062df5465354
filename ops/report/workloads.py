"""The section on workloads: which are declared, scraped and up."""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.numbers import NOTHING, span
from ops.prometheus_api import Sample, Target
from ops.report.document import Cell, Part, Section, Table, cell, code
from ops.report.facts import Facts, Unavailable, pod_of, reasons

UP, PARTLY, DOWN, MISSING = "up", "partly up", "down", "not deployed"
LAST_SUCCESS = "kube_cronjob_status_last_successful_time"
UNKNOWN, UNSEEN = "unknown", "not observed"
IN_TIME, LATE, SUSPENDED = "in time", "late", "suspended"
TONES = {UP: "good", PARTLY: "warn", DOWN: "bad", MISSING: "bad", IN_TIME: "good", LATE: "warn"}


@dataclass(frozen=True)
class Workload:
    """A workload; `declared` is its number of replicas, None for a CronJob or an undeclared job."""

    name: str
    kind: str
    state: str
    declared: int | None
    targets: Sequence[Target]

    @property
    def up(self) -> int:
        """The number of pods that are up."""
        return sum(target.health == "up" for target in self.targets)

    @property
    def up_of_expected(self) -> str:
        """Pods up, such as `2 of 2`; a dash for a CronJob, which is not scraped."""
        if self.kind == "CronJob":
            return NOTHING
        return f"{self.up} of {max(len(self.targets), self.declared or 0)}"


def workloads(facts: Facts) -> list[Workload]:
    """All declared or scraped workloads, ordered by name."""
    jobs, found = facts.jobs(), {}
    known = not isinstance(facts.targets, Unavailable)
    if not isinstance(facts.manifests, Unavailable):
        for declared in (*facts.manifests.workloads, *facts.manifests.cron_jobs):
            targets = jobs.get(declared.name, [])
            state = _state(targets, declared.replicas) if known else UNKNOWN
            if declared.kind == "CronJob":
                state = _state_of_cron_job(facts, declared.name)
            found[declared.name] = Workload(
                declared.name, declared.kind, state, declared.replicas, targets
            )
    for job, targets in jobs.items():
        if job not in found:
            found[job] = Workload(
                job or "no job", "scraped only", _state(targets, None), None, targets
            )
    return [found[name] for name in sorted(found)]


def section(facts: Facts) -> Section:
    """The section on workloads."""
    return Section(
        id="workloads",
        title="Workloads",
        intro="The workloads that the manifests declare, and the pods that Prometheus scrapes. "
        "Pods of a CronJob end before a scrape; kube-state-metrics exports its last success.",
        blocks=[
            Table(
                ("Workload", "Kind", "State", "Up", "Pods"),
                [
                    (
                        cell(code(workload.name)),
                        cell(workload.kind),
                        cell(Part(workload.state, TONES.get(workload.state, "muted"))),
                        cell(workload.up_of_expected),
                        _pods(facts, workload),
                    )
                    for workload in workloads(facts)
                ],
                empty="No workload is known.",
            )
        ],
        unavailable=reasons(facts.targets, facts.manifests),
    )


def _state(targets: Sequence[Target], declared: int | None) -> str:
    if not targets:
        return MISSING
    up = sum(target.health == "up" for target in targets)
    if up == 0:
        return DOWN if any(target.health == "down" for target in targets) else UNKNOWN
    return UP if up >= max(len(targets), declared or 0) else PARTLY


def _state_of_cron_job(facts: Facts, name: str) -> str:
    suspended = _cron_job_sample(facts, "kube_cronjob_spec_suspend", name)
    if suspended is None:
        return UNSEEN
    if suspended.value[1]:
        return SUSPENDED
    late = [
        alert
        for rule, alert in facts.firing()
        if rule.name == "CronJobLate" and alert.labels.get("cronjob") == name
    ]
    return LATE if late else IN_TIME


def _cron_job_sample(facts: Facts, metric: str, cron_job: str) -> Sample | None:
    """The sample of a kube-state-metrics metric for a CronJob; None without one."""
    found = [one for one in facts.series(metric) if one.metric.get("cronjob") == cron_job]
    return found[0] if found else None


def _pods(facts: Facts, workload: Workload) -> Cell:
    lines = []
    if succeeded := _cron_job_sample(facts, LAST_SUCCESS, workload.name):
        age = span(facts.now.timestamp() - succeeded.value[1])
        lines.append(Part(f"last success {age} ago"))
    elif workload.state in (IN_TIME, LATE, SUSPENDED):
        lines.append(Part("no success yet", "muted"))
    for target in workload.targets:
        tone = {"up": "", "down": "bad"}.get(target.health, "muted")
        lines.append(code(pod_of(target.labels), tone))
        if target.health != "up":
            age = span((facts.now - target.last_scrape).total_seconds())
            never = target.last_scrape.year == 1
            asked = "not scraped yet" if never else f"last tried {age} ago"
            lines.append(Part(f"{target.health}, {asked}. {target.last_error}", tone))
    return cell(*lines)
