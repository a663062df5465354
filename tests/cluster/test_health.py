"""On a platform that has run for minutes, every target is up and every rule is healthy."""

from itertools import chain

from bench.parts.size import FEWEST, MOST, expected_load
from bench.program import settings
from components import grafana
from ops.prometheus_api import Prometheus
from tests.support.node import STACK, Deployed
from tests.support.waiting import wait_for_none

SCRAPES_SECONDS = 65
"""Two scrapes of each target, and a bit."""


def test_every_target_is_up(deployed: Deployed):
    def down(prometheus: Prometheus) -> list[str]:
        return [
            f"{target.labels} {target.health} {target.last_error}"
            for target in prometheus.targets()
            if target.health != "up"
        ]

    wait_for_none(lambda: chain(*deployed.ask_each_prometheus(down)), "targets are down", 120)


def test_every_rule_is_healthy(deployed: Deployed):
    """A rule of the slowest group is first evaluated 2 minutes after Prometheus starts."""

    def sick(prometheus: Prometheus) -> list[str]:
        return [
            f"{rule.name} {rule.health} {rule.last_error}"
            for group in prometheus.rules()
            for rule in group.rules
            if rule.health != "ok"
        ]

    wait_for_none(lambda: chain(*deployed.ask_each_prometheus(sick)), "rules are sick", 180)


def test_each_prometheus_has_the_series_that_the_stack_is_sized_for(deployed: Deployed):
    """But for Grafana's, which does not run here, and for those of pods that have gone.

    Series that a pod of Prometheus read before its own restart stay for minutes.
    """
    read_lately = f'last_over_time({{__name__=~".+", job!="{grafana.NAME}"}}[{SCRAPES_SECONDS}s])'
    expected, _ = expected_load(settings(STACK))

    def misfits(prometheus: Prometheus) -> list[str]:
        real = prometheus.query(f"count({read_lately})")[0].value[1]
        fits = FEWEST <= expected / real <= MOST
        return [] if fits else [f"{expected} are expected, {real} are there"]

    problem = "the number of series does not fit"
    wait_for_none(lambda: chain(*deployed.ask_each_prometheus(misfits)), problem, 180)
