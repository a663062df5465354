"""The checks that a capability can be observed by; each says what it saw."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ops.report.facts import Facts, Unavailable


@dataclass(frozen=True)
class Evidence:
    """Whether it was observed, and what was seen, or why nothing was."""

    observed: bool
    text: str


Check = Callable[[Facts], Evidence]


def answers(facts: Facts) -> Evidence:
    """Prometheus says which version it is."""
    if isinstance(facts.version, Unavailable):
        return Evidence(False, facts.version.reason)
    return Evidence(True, f"version {facts.version}")


def scraped(job: str) -> Check:
    """Every pod of the job is up, and there is one."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.targets, Unavailable):
            return Evidence(False, facts.targets.reason)
        targets = facts.jobs().get(job, [])
        up = sum(target.health == "up" for target in targets)
        if not targets:
            return Evidence(False, f"no target of job {job}")
        return Evidence(up == len(targets), f"{up} of {len(targets)} targets of {job} up")

    return check


def values(workload: str) -> Check:
    """Every metric that the inventory lists for the workload has a value."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.inventory, Unavailable):
            return Evidence(False, facts.inventory.reason)
        if isinstance(facts.samples, Unavailable):
            return Evidence(False, facts.samples.reason)
        names = [metric.name for metric in facts.inventory if metric.workload == workload]
        missing = [name for name in names if not facts.series(name)]
        if missing or not names:
            return Evidence(False, f"no value of {', '.join(missing) or 'any metric'}")
        return Evidence(True, f"{len(names)} of {len(names)} metrics have a value")

    return check


def rules(group: str) -> Check:
    """The group is loaded, and all of its rules are healthy."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.groups, Unavailable):
            return Evidence(False, facts.groups.reason)
        found = [rule for one in facts.groups if one.name == group for rule in one.rules]
        healthy = sum(rule.health == "ok" for rule in found)
        if not found:
            return Evidence(False, f"group {group} is not loaded")
        return Evidence(
            healthy == len(found), f"{healthy} of {len(found)} rules of {group} healthy"
        )

    return check


def dashboard(words: str) -> Check:
    """A dashboard whose title has the words in it is among the rendered ConfigMaps."""
    pattern = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.rendered, Unavailable):
            return Evidence(False, facts.rendered.reason)
        for model in sorted(facts.rendered.dashboards.values(), key=lambda one: one["title"]):
            if pattern.search(model["title"]):
                text = f"dashboard {model['title']} ({model['uid']}) provisioned"
                return Evidence(True, text)
        return Evidence(False, f"no dashboard {words} among the manifests")

    return check


def series(name: str) -> Check:
    """A series of that name has a value."""

    def check(facts: Facts) -> Evidence:
        if isinstance(facts.samples, Unavailable):
            return Evidence(False, facts.samples.reason)
        found = facts.series(name)
        return Evidence(bool(found), f"{len(found)} series of {name}" if found else f"no {name}")

    return check


def all_of(*checks: Check) -> Check:
    """All of the checks."""

    def check(facts: Facts) -> Evidence:
        seen = [one(facts) for one in checks]
        return Evidence(
            all(one.observed for one in seen),
            "; ".join(dict.fromkeys(one.text for one in seen)),
        )

    return check
