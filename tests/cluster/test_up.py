"""`pulumi up` onto a real cluster: everything is created, nothing is warned about, all works."""

import re
from contextlib import closing

from tests.support.node import STACK, Deployed
from tests.support.recording import run_stack
from tests.support.waiting import wait_for

TOTAL = len(run_stack(STACK).resources) + 1
"""Resources of a new stack `node`: all that the program declares, and the stack itself."""


def test_up_creates_every_resource(deployed: Deployed):
    assert deployed.first.changes == {"+": TOTAL}


def test_nothing_is_warned_about_but_pods_that_are_not_ready_yet(deployed: Deployed):
    """The API server warns about pods that break Pod Security and about deprecated versions."""
    expected = ("[MinimumReplicasUnavailable]", f"[Pod {deployed.namespace}/")
    warnings = re.findall(r"warning: (.*)", deployed.first.text)
    assert not [text for text in warnings if not text.startswith(expected)]


def test_a_second_preview_changes_nothing(deployed: Deployed):
    assert deployed.preview().changes == {"=": TOTAL}


def test_a_refresh_finds_no_drift(deployed: Deployed):
    result = deployed.project.refresh("--expect-no-changes", stack=STACK)
    assert result.code == 0, result.text


def test_every_target_is_up_and_every_rule_is_healthy(deployed: Deployed):
    wait_for(lambda: all_up(deployed), "every target is up", 120)
    wait_for(lambda: "unknown" not in healths(deployed), "every rule is evaluated", 120)
    assert set(healths(deployed)) == {"ok"}


def all_up(deployed: Deployed) -> bool:
    with closing(deployed.prometheus()) as prometheus:
        targets = prometheus.targets()
    return bool(targets) and all(target.health == "up" for target in targets)


def healths(deployed: Deployed) -> list[str]:
    """The health of each rule."""
    with closing(deployed.prometheus()) as prometheus:
        return [rule.health for group in prometheus.rules() for rule in group.rules]
