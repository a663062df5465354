"""What is wrong, why it probably is, and what to do about it."""

import re
from collections.abc import Iterator

from ops.numbers import number
from ops.report import drift, slos
from ops.report.alerting import notified, threshold
from ops.report.facts import Facts, Unavailable, pod_of, reasons, severity_rank, subject
from ops.report.finding import CRITICAL, WARNING, Finding
from ops.report.workloads import MISSING, workloads

IDLE = "TreatyNoRequests"
DRIFTED = "PsiFieldPodDrift"
# What a scrape's error says about its cause. The first that matches counts.
_CAUSES = (
    (r"connection refused", "Nothing listens there: the process has ended or has not started yet."),
    (
        r"deadline exceeded|timeout",
        "It answers too late or not at all: overload, or a NetworkPolicy.",
    ),
    (r"no such host", "Its name has no address: the pod is gone, or DNS is."),
    (r"no route|unreachable", "There is no way to it: the pod or its node is gone."),
    (
        r"HTTP status 4",
        "Its /metrics refuses the request: another path or port, or access is denied.",
    ),
    (r"HTTP status 5", "It fails to make its /metrics: look into its log."),
    (r"parse|expected|invalid", "Its /metrics is not what Prometheus can read."),
)


def findings(facts: Facts) -> list[Finding]:
    """What is wrong, the gravest first."""
    found = [*_unreachable(facts), *_workloads(facts), *_rules(facts), *_alerts(facts)]
    found += [*_unnamed(facts), *slos.findings(facts)]
    return sorted(dict.fromkeys(found), key=lambda one: severity_rank(one.severity))


def _unreachable(facts: Facts) -> Iterator[Finding]:
    for name, reason in (
        ("Prometheus", reasons(facts.version, facts.groups, facts.targets, facts.samples)),
        ("Alertmanager", reasons(facts.notified, facts.silences)),
    ):
        if reason:
            harm = "alerts may reach nobody" if name == "Alertmanager" else "nobody watches"
            yield Finding(
                CRITICAL,
                f"{name} could not be asked: {reason[0]}. If it is down, {harm}.",
                "",
                f"See that {name} runs and that the address is right, and write this report anew.",
            )


def _workloads(facts: Facts) -> Iterator[Finding]:
    for workload in workloads(facts):
        if workload.state == MISSING:
            yield Finding(
                CRITICAL,
                f"{workload.name} is declared, and Prometheus finds no pod of it.",
                "It is not deployed, its pods do not start, or Prometheus may not list them.",
                f"Deploy {workload.name}; its pods' events say why one is missing.",
            )
        elif workload.declared and 0 < len(workload.targets) < workload.declared:
            yield Finding(
                WARNING,
                f"{workload.name} has {len(workload.targets)} of {workload.declared} pods.",
                "The others do not start, or have not been found yet.",
                f"Look at the events of the Deployment {workload.name}.",
            )
        for target in workload.targets:
            if target.health == "down":
                yield Finding(
                    CRITICAL,
                    f"Pod {pod_of(target.labels)} of {workload.name} can't be scraped:"
                    f" {target.last_error or 'no reason given'}.",
                    next((why for what, why in _CAUSES if re.search(what, target.last_error)), ""),
                    f"Look into the log of pod {pod_of(target.labels)} and restart it.",
                )


def _rules(facts: Facts) -> Iterator[Finding]:
    for rule in facts.rules():
        if rule.health == "err":
            yield Finding(
                CRITICAL,
                f"Rule {rule.name} can't be evaluated: {rule.last_error}.",
                "Its expression fails on the series that exist now: it records or alerts nothing.",
                f"Correct the expression of {rule.name} and deploy the rules.",
            )
    if not isinstance(facts.groups, Unavailable) and not facts.groups:
        yield Finding(
            CRITICAL,
            "Prometheus has no rules loaded, so no alert can fire.",
            "Its configuration names no rule file, or the last reload was refused.",
            "Look into Prometheus' log for the reload that failed, and deploy the rules.",
        )


def _alerts(facts: Facts) -> Iterator[Finding]:
    for rule, alert in facts.firing():
        cause, action, command = "", f"Follow the runbook of {rule.name}.", ""
        if rule.name == DRIFTED:
            cause, action = drift.cause(facts), drift.ACTION
        elif rule.name == IDLE:
            treaty = alert.labels.get("treaty", "")
            label = f" --label treaty={treaty}" if re.fullmatch(r"[\w.-]+", treaty) else ""
            cause = "Nobody sends traffic: a soak test has ended, or the heartbeat is suspended."
            action = (
                f"If {treaty or 'the treaty'} is idle on purpose, silence it for that time;"
                " else see why its clients send nothing."
            )
            command = f'python -m ops silence {IDLE}{label} --for 2h --why "..."'
        limit = threshold(alert.annotations)
        yield Finding(
            alert.labels.get("severity", WARNING),
            f"{rule.name} fires on {subject(alert.labels)}: {number(alert.value)}"
            f"{f' (threshold {limit})' if limit else ''}.",
            cause,
            action,
            alert.annotations.get("runbook_url", ""),
            command,
        )
        if not isinstance(facts.notified, Unavailable) and notified(facts, alert) is None:
            yield Finding(
                CRITICAL,
                f"{rule.name} fires, and Alertmanager has not got it: nobody is told.",
                "Prometheus does not find Alertmanager, or may not reach it.",
                "See that Prometheus lists Alertmanager at /api/v1/alertmanagers.",
            )


def _unnamed(facts: Facts) -> Iterator[Finding]:
    for job, targets in facts.jobs().items():
        if any(target.labels.get("pod", "unknown") == "unknown" for target in targets):
            yield Finding(
                WARNING,
                f"Series of {job} do not carry their pod's real name.",
                "The scrape job lacks the relabelling that sets `pod`.",
                f"Scrape {job} with the rendered prometheus.yml.",
            )
