"""Every scraped target has exactly one alert that fires while it is down."""

from promql.expressions import parse
from tests.support.recording import Recording
from tests.support.series import alerts

GENERAL = "PlatformTargetDown"
HALF = "AlertmanagerClusterDown"
"""Fires only if half of the pods are down, so the general alert also covers each of them."""


def own_alerts() -> dict[str, str]:
    """Job -> the name of its own alert for a down target."""
    return {
        matcher.value: name
        for name, rule in alerts().items()
        if name not in (GENERAL, HALF) and name.endswith("Down")
        for selector in parse(rule["expr"]).selectors
        for matcher in selector.matchers
        if selector.metric == "up" and matcher.name == "job" and matcher.operator == "="
    }


def excluded_jobs() -> list[set[str]]:
    """The jobs that each selector with a negative matcher of the general alert excludes."""
    return [
        set(matcher.value.split("|"))
        for selector in parse(alerts()[GENERAL]["expr"]).selectors
        for matcher in selector.matchers
        if matcher.operator == "!~"
    ]


def test_the_general_alert_excludes_exactly_the_jobs_with_an_alert_of_their_own() -> None:
    own = own_alerts()
    assert own, "no alert selects `up` of a single job"
    found = excluded_jobs()
    assert found and all(jobs == set(own) for jobs in found), (
        f"rules/platform/targets.yaml: {GENERAL} must exclude {'|'.join(own)} in all selectors"
    )


def test_every_stack_scrapes_each_job_with_an_alert_of_its_own(platform: Recording) -> None:
    names = {name for name, _ in platform.pods()}
    assert set(own_alerts()) <= names
