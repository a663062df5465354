"""The contracts between metrics, rules, cases, routes, receivers, runbooks and panels.

Each row of CONTRACTS is one link of the chain: what it says, who must keep it, who does, and what
to do about one that doesn't. Every stack keeps every row.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.support.recording import Recording
from tests.support.rules.chain import Chain, chain


@dataclass(frozen=True)
class Contract:
    """Every subject must be in `keep`; `advice` says how to fix one that is not."""

    says: str
    subjects: Callable[[Chain], Iterable[str]]
    keep: Callable[[Chain], Iterable[str]]
    advice: str

    def broken(self, stack: Chain) -> list[str]:
        """The advice for each subject that breaks the contract."""
        missing = set(self.subjects(stack)) - set(self.keep(stack))
        return [self.advice.format(name) for name in sorted(missing)]


def unused(stack: Chain) -> set[str]:
    return {name for name, metric in stack.metrics.items() if metric.get("unused")}


def exported(stack: Chain) -> set[str]:
    """The metrics of scraped workloads, and those that Prometheus makes for every target."""
    return {
        name
        for name, metric in stack.metrics.items()
        if metric.get("workload") is None or metric["workload"] in stack.jobs
    }


def delivered(stack: Chain) -> set[str]:
    return {
        alert for alert in stack.alerts if stack.receivers_of(alert) <= stack.delivering_receivers
    }


CONTRACTS = (
    Contract(
        "every metric comes from something that is scraped",
        lambda stack: stack.metrics,
        exported,
        "{} is of a workload that no job scrapes: correct `workload` in rules/metrics.yaml",
    ),
    Contract(
        "every metric is recorded, alerted on, shown, or unused on purpose",
        lambda stack: stack.metrics,
        lambda stack: stack.queried_metrics | unused(stack),
        "nothing uses {}: show it on a dashboard, or say why in `unused` in rules/metrics.yaml",
    ),
    Contract(
        "no metric that is called unused is used",
        lambda stack: stack.queried_metrics,
        lambda stack: stack.metrics.keys() - unused(stack),
        "{} is used: remove its `unused` in rules/metrics.yaml",
    ),
    Contract(
        "every alert has cases",
        lambda stack: stack.alerts,
        lambda stack: stack.cases,
        "{0} has no cases: write tests/rules/{0}.yaml",
    ),
    Contract(
        "every alert has a runbook",
        lambda stack: stack.alerts,
        lambda stack: stack.runbooks,
        "{0} has no runbook: write docs/runbooks/{0}.md",
    ),
    Contract(
        "every runbook has an alert",
        lambda stack: stack.runbooks,
        lambda stack: stack.alerts,
        "no alert is called {0}: rename or remove docs/runbooks/{0}.md",
    ),
    Contract(
        "every alert reaches a receiver that delivers",
        lambda stack: stack.alerts,
        delivered,
        "{} reaches nobody: correct alertmanager.routes in the stack's settings",
    ),
    Contract(
        "every alert has a panel that leads to its runbook",
        lambda stack: stack.alerts,
        lambda stack: filter(stack.has_panel_with_runbook, stack.alerts),
        "no panel belongs to {}: name it in `alerts` of the one that shows what it watches",
    ),
    Contract(
        "every severity is one that the routes know",
        lambda stack: stack.severities,
        lambda stack: stack.routed_severities,
        "no route knows the severity {}: use another, or route it in components/",
    ),
    Contract(
        "every receiver is reached by some alert",
        lambda stack: stack.delivering_receivers,
        lambda stack: set().union(*map(stack.receivers_of, stack.alerts)),
        "no alert reaches the receiver {}: remove it, or route an alert to it",
    ),
)

each_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.says)


@pytest.fixture(scope="module")
def chains(recordings: dict[str, Recording]) -> dict[str, Chain]:
    return {stack: chain(recording) for stack, recording in recordings.items()}


@each_contract
def test_every_stack_keeps_the_contract(contract: Contract, chains: dict[str, Chain]) -> None:
    for stack, found in chains.items():
        assert not contract.broken(found), f"{stack}: {'; '.join(contract.broken(found))}"


def without(key: str) -> Callable[[Chain], dict[str, Any]]:
    """A change of the chain that empties the field `key`."""
    return lambda stack: {key: type(getattr(stack, key))()}


def stray_metric(stack: Chain, **details: str) -> dict[str, Any]:
    stray = {"name": "stray", "type": "gauge", "unit": "none", "labels": [], "help": "None."}
    return {"metrics": {**stack.metrics, "stray": {**stray, **details}}}


def mark_used_metric_unused(stack: Chain) -> dict[str, Any]:
    return {"metrics": {**stack.metrics, "up": {**stack.metrics["up"], "unused": "Nobody asks."}}}


def unknown_severity(stack: Chain) -> dict[str, Any]:
    alert = stack.alerts["TreatyDown"]
    odd = {**alert, "labels": {**alert["labels"], "severity": "Critical"}}
    return {"alerts": {**stack.alerts, "TreatyDown": odd}}


def unused_receiver(stack: Chain, **details: Any) -> dict[str, Any]:
    receivers = [*stack.alertmanager["receivers"], {"name": "stray", **details}]
    return {"alertmanager": {**stack.alertmanager, "receivers": receivers}}


def receivers_without_channels(stack: Chain) -> dict[str, Any]:
    receivers = [{"name": receiver["name"]} for receiver in stack.alertmanager["receivers"]]
    return {"alertmanager": {**stack.alertmanager, "receivers": receivers}}


BREAKS: dict[str, tuple[Callable[[Chain], dict[str, Any]], str]] = {
    CONTRACTS[0].says: (lambda stack: stray_metric(stack, workload="archivist"), "stray"),
    CONTRACTS[1].says: (stray_metric, "stray"),
    CONTRACTS[2].says: (mark_used_metric_unused, "up"),
    CONTRACTS[3].says: (without("cases"), "TreatyDown"),
    CONTRACTS[4].says: (without("runbooks"), "TreatyDown"),
    CONTRACTS[5].says: (without("alerts"), "TreatyDown"),
    CONTRACTS[6].says: (receivers_without_channels, "TreatyDown"),
    CONTRACTS[7].says: (without("panels"), "TreatyDown"),
    CONTRACTS[8].says: (unknown_severity, "Critical"),
    CONTRACTS[9].says: (lambda stack: unused_receiver(stack, slack_configs=[{}]), "stray"),
}


@each_contract
def test_a_broken_contract_is_noticed(contract: Contract, chains: dict[str, Chain]) -> None:
    change, name = BREAKS[contract.says]
    for stack in chains.values():
        broken = contract.broken(replace(stack, **change(stack)))
        assert [line for line in broken if name in line], contract.says
