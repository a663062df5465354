"""Every scraped target has exactly one alert for being down."""

import promql_parser as pp

from promql.expressions import parse
from tests.support.recording import Recording
from tests.support.series import alerts

GENERAL = "PlatformTargetDown"


def own() -> dict[str, str]:
    """Job -> its own alert for being down."""
    return {
        matcher.value: name
        for name, rule in alerts().items()
        if name != GENERAL and name.endswith("Down")
        for selector in parse(rule["expr"]).selectors
        for matcher in selector.matchers
        if selector.metric == "up" and matcher.name == "job" and matcher.op == pp.MatchOp.Equal
    }


def left_out() -> list[set[str]]:
    """The jobs that each selector of the general alert excludes, if it excludes any."""
    return [
        set(matcher.value.split("|"))
        for selector in parse(alerts()[GENERAL]["expr"]).selectors
        for matcher in selector.matchers
        if matcher.op == pp.MatchOp.NotRe
    ]


def test_the_general_alert_leaves_out_exactly_what_has_an_alert_of_its_own() -> None:
    assert own(), "no alert is on `up` of one job"
    assert left_out() == [set(own()), set(own())], (
        f"rules/platform/targets.yaml: {GENERAL} must leave out {'|'.join(own())}, in both places"
    )


def test_an_alert_of_its_own_is_about_a_job_that_every_stack_scrapes(platform: Recording) -> None:
    names = {name for name, _ in platform.pods()}
    assert set(own()) <= names
