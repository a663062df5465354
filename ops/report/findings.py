"""Derives findings (problem, likely cause, action) from the facts, and their two sections."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ops.http_api import Labels
from ops.numbers import number, percent, points, span
from ops.report.alerts import SEVERITY_TONES, notified_alert, threshold_text
from ops.report.document import Cell, Items, Part, Section, cell, code
from ops.report.facts import (
    ENGINE,
    ERROR,
    STEPS,
    Facts,
    Unavailable,
    pod_of,
    reasons,
    severity_rank,
    subject,
    unanswered,
)
from ops.report.guard import guarded
from ops.report.maturity import Judged
from ops.report.slos import slos
from ops.report.workloads import MISSING, workloads

WARNING, CRITICAL = "warning", "critical"
IDLE = "TreatyNoRequests"
DRIFTED = "PsiFieldPodDrift"
_SCRAPE_CAUSES = (
    (r"connection refused", "Nothing listens there: the process has ended or has not started yet."),
    (r"deadline exceeded|timeout", "It answers too late or never: overload, or a NetworkPolicy."),
    (r"no such host", "Its name has no address: the pod is gone, or DNS fails."),
    (r"no route|unreachable", "There is no route to it: the pod or its node is gone."),
    (
        r"HTTP status 4",
        "Its /metrics refuses the request: another path or port, or access is denied.",
    ),
    (r"HTTP status 5", "It fails to produce its /metrics; its log says why."),
    (r"parse|expected|invalid", "Prometheus can't parse its /metrics."),
)
"""(pattern of a scrape error, likely cause); the first match wins."""
_CLUSTER_IP = "A ClusterIP picks one pod for each connection, so a sender that uses it reaches one."
_SAME_STEPS = (
    "Send the same steps to every pod, by the headless Service and never through the ClusterIP:"
    " check that the feeder runs and that its last run reached all pods."
)


@dataclass(frozen=True)
class Finding:
    """One problem, described in sentences; `page` is a runbook's URL, `command` a shell command."""

    severity: str
    what: str
    cause: str
    action: str
    page: str = ""
    command: str = ""


def findings(facts: Facts) -> list[Finding]:
    """All findings, ordered by severity."""
    found: list[Finding] = []
    for produce in (_servers, _workloads, _rules, _alerts, _pod_names, _slos):
        found += guarded(partial(_list, produce, facts), partial(_lost, produce.__name__))
    return sorted(dict.fromkeys(found), key=lambda one: severity_rank(one.severity))


def _list(produce: Callable[[Facts], Iterator[Finding]], facts: Facts) -> list[Finding]:
    return list(produce(facts))


def _lost(name: str, why: str) -> list[Finding]:
    subject = name.strip("_").replace("_", " ")
    what = f"The findings about {subject} are incomplete: {why}."
    return [Finding(WARNING, what, "", f"Look at the {subject} directly.")]


def worst(found: Sequence[Finding]) -> str:
    """The severity of the worst finding; empty without any."""
    return min((one.severity for one in found), key=severity_rank, default="")


def findings_section(facts: Facts, found: Sequence[Finding]) -> Section:
    """The section of findings with their likely causes."""
    missing = reasons(facts.groups, facts.targets, facts.samples)
    return Section(
        id="findings",
        title="Findings",
        blocks=[Items([_item(one) for one in found], empty="" if missing else "Nothing is wrong.")],
    )


def actions_section(found: Sequence[Finding], judged: Sequence[Judged]) -> Section:
    """The section of actions, by urgency; those that raise the maturity score come last."""
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
            f"Provide: {one.capability.name} (+{points(one.capability.points)} maturity)."
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


def _servers(facts: Facts) -> Iterator[Finding]:
    prometheus = (facts.version, facts.groups, facts.targets, facts.samples)
    for name, severity, answers, harm in (
        ("Prometheus", CRITICAL, prometheus, "nothing watches the platform"),
        ("Alertmanager", CRITICAL, (facts.notified, facts.silences), "alerts may reach nobody"),
        ("Grafana", WARNING, (facts.dashboards,), "nobody sees a dashboard"),
    ):
        if reason := unanswered(*answers):
            yield Finding(
                severity,
                f"{name} could not be asked: {reason[0].rstrip('.')}. If it is down, {harm}.",
                "",
                f"Check that {name} runs and that its address is right, then write a new report.",
            )


def _workloads(facts: Facts) -> Iterator[Finding]:
    for workload in workloads(facts):
        if workload.state == MISSING:
            yield Finding(
                CRITICAL,
                f"{workload.name} is declared, but Prometheus finds no pod of it.",
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
                error, pod = target.last_error, pod_of(target.labels)
                causes = (why for what, why in _SCRAPE_CAUSES if re.search(what, error))
                yield Finding(
                    CRITICAL,
                    f"Pod {pod} of {workload.name} can't be scraped: {error or 'no reason given'}.",
                    next(causes, ""),
                    f"Read the log of pod {pod} and restart it.",
                )


def _rules(facts: Facts) -> Iterator[Finding]:
    for rule in facts.rules():
        if rule.health == "err":
            yield Finding(
                CRITICAL,
                f"Rule {rule.name} can't be evaluated: {rule.last_error}.",
                "Its expression fails on today's series, so it neither records nor alerts.",
                f"Correct the expression of {rule.name} and deploy the rules.",
            )
    if not isinstance(facts.groups, Unavailable) and not facts.groups:
        yield Finding(
            CRITICAL,
            "Prometheus has no rules loaded, so no alert can fire.",
            "Its configuration names no rule file, or it refused the last reload.",
            "Find the failed reload in the log of Prometheus, and deploy the rules.",
        )


def _alerts(facts: Facts) -> Iterator[Finding]:
    for rule, alert in facts.firing():
        cause, action, command = "", f"Follow the runbook of {rule.name}.", ""
        if rule.name == DRIFTED:
            cause, action = _drift_cause(facts), _SAME_STEPS
        elif rule.name == IDLE:
            cause = "Nobody sends traffic: a soak test has ended, or a sender has stopped."
            action, command = _idle_treaty(alert.labels)
        limit = threshold_text(alert.annotations)
        yield Finding(
            alert.labels.get("severity", WARNING),
            f"{rule.name} fires on {subject(alert.labels)}: {number(alert.value)}"
            f"{f' (threshold {limit})' if limit else ''}.",
            cause,
            action,
            alert.annotations.get("runbook_url", ""),
            command,
        )
        if not isinstance(facts.notified, Unavailable) and notified_alert(facts, alert) is None:
            yield Finding(
                CRITICAL,
                f"{rule.name} fires, but Alertmanager does not have it: nobody is notified.",
                "Prometheus does not find Alertmanager, or may not reach it.",
                "Check that Prometheus lists Alertmanager at /api/v1/alertmanagers.",
            )


def _idle_treaty(labels: Labels) -> tuple[str, str]:
    """The action for an idle treaty, and the command that silences its alert."""
    treaty = labels.get("treaty", "")
    # Never put a name with shell metacharacters into a command.
    label = f" --label treaty={treaty}" if re.fullmatch(r"[\w.-]+", treaty) else ""
    action = (
        f"If {treaty or 'the treaty'} is idle on purpose, silence the alert for that time;"
        " otherwise find out why its clients send nothing."
    )
    return action, f'python -m ops silence {IDLE}{label} --for 2h --why "..."'


def _pod_names(facts: Facts) -> Iterator[Finding]:
    for job, targets in facts.jobs().items():
        if any(target.labels.get("pod", "unknown") == "unknown" for target in targets):
            yield Finding(
                WARNING,
                f"Series of {job} do not carry the real name of their pod.",
                "The scrape job lacks the relabelling that sets `pod`.",
                f"Scrape {job} with the rendered prometheus.yml.",
            )


def _slos(facts: Facts) -> Iterator[Finding]:
    """Objectives that are missed, will be missed at this rate, or are not measured."""
    for slo in slos(facts):
        period = f"{number(slo.days)} days" if slo.days else "the period"
        if slo.budget_left is not None and slo.budget_left <= 0:
            yield Finding(
                CRITICAL,
                f"The error budget of {slo.name} is spent: {percent(slo.budget_left)} of it is"
                f" left. The objective is {percent(slo.objective)} over {period}.",
                "",
                f"Hold back risky changes to the service of {slo.name} until the budget recovers.",
            )
        elif slo.fires:
            continue
        elif slo.burn_rate is None:
            yield Finding(
                WARNING,
                f"Nothing is known of {slo.name} now: its share of errors is not recorded.",
                "A metric that it is computed from is missing, or has existed for less than a"
                " minute.",
                f"Check that the service of {slo.name} is scraped and exports the metrics of its"
                " SLI.",
            )
        elif slo.lasts is not None and slo.days and slo.lasts < slo.days * 86_400:
            yield Finding(
                WARNING,
                f"The error budget of {slo.name} burns: at the error rate of the last hour, the"
                f" remaining {percent(slo.budget_left)} lasts {span(slo.lasts)}.",
                "",
                f"See on the dashboard SLOs when {slo.name} began to burn, and find out why.",
            )


def _drift_cause(facts: Facts) -> str:
    """Explain why the ψ-Field pods disagree, as far as their series show it."""
    errors = {pod_of(one.metric): one.value[1] for one in facts.series(ERROR)}
    engines = {
        pod_of(one.metric): one.metric.get("engine", "?")
        for one in facts.series(ENGINE)
        if one.value[1] == 1
    }
    steps = dict.fromkeys(errors, 0.0) if facts.series(STEPS) else {}
    for one in facts.series(STEPS):
        pod = pod_of(one.metric)
        steps[pod] = steps.get(pod, 0.0) + one.value[1]
    samples = [] if isinstance(facts.moves, Unavailable) else facts.moves
    moves = {pod_of(one.metric): one.value[1] for one in samples}
    return " ".join(filter(None, (_furthest_apart(errors), _left_behind(engines, steps, moves))))


def _furthest_apart(errors: dict[str, float]) -> str:
    if len(errors) < 2:
        return ""
    low, high = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    return (
        f"The prediction error is {number(errors[high])} on {high} and {number(errors[low])} on"
        f" {low}."
    )


def _left_behind(engines: dict[str, str], steps: dict[str, float], moves: dict[str, float]) -> str:
    if len(set(engines.values())) > 1:
        listed = ", ".join(f"{pod} runs {engine}" for pod, engine in sorted(engines.items()))
        return f"The pods run different engines: {listed}."
    if text := _idle_pods(moves, "did not move in the last hour", "moved {} times"):
        return f"{text} {_CLUSTER_IP}"
    if moves and all(moves.values()):
        return "Every pod was stepped in the last hour, but not with the same steps."
    if text := _idle_pods(steps, "was never sent a step since it started", "got {}"):
        return f"{text} {_CLUSTER_IP}"
    if moves and not any(moves.values()):
        return (
            "No pod moved in the last hour: one missed a step or was restarted earlier, and no pod"
            " has been stepped since."
        )
    return "Their series do not tell which pod got no step."


def _idle_pods(counts: dict[str, float], nothing: str, some: str) -> str:
    idle = sorted(pod for pod, count in counts.items() if count == 0)
    busy = sorted((pod, count) for pod, count in counts.items() if count > 0)
    if not idle or not busy:
        return ""
    others = ", ".join(f"{pod} {some.format(number(count))}" for pod, count in busy)
    return f"{', '.join(idle)} {nothing}, while {others}: it got no step."
