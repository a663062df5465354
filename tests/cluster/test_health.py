"""On a platform that has run for minutes, every target is up and every rule is healthy."""

from collections.abc import Callable

from ops.prometheus_api import Prometheus
from tests.support.node import Deployed
from tests.support.waiting import wait_for


def test_every_target_is_up(deployed: Deployed):
    def health(prometheus: Prometheus) -> set[str]:
        return {target.health for target in prometheus.targets()}

    wait_for(lambda: all_are(deployed, health, "up"), "every target is up in both replicas", 120)


def test_every_rule_is_healthy(deployed: Deployed):
    def health(prometheus: Prometheus) -> set[str]:
        return {rule.health for group in prometheus.rules() for rule in group.rules}

    wait_for(lambda: all_are(deployed, health, "ok"), "every rule is healthy in both replicas", 120)


def all_are(deployed: Deployed, health: Callable[[Prometheus], set[str]], good: str) -> bool:
    """Whether this is the only health that each replica of Prometheus reports."""
    return all(found == {good} for found in deployed.ask_each_prometheus(health))
