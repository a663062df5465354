"""Whatever is scraped has one alert that says when it is down, and not two."""

import promql_parser as pp

from promql.expressions import matchers, parse, selectors
from tests.support.recording import Recording
from tests.support.series import alerts

GENERAL = "PlatformTargetDown"


def own() -> dict[str, str]:
    """The jobs that have an alert of their own for being down, and that alert."""
    return {
        matcher.value: name
        for name, rule in alerts().items()
        if name != GENERAL and name.endswith("Down")
        for selector in selectors(parse(rule["expr"]))
        for matcher in matchers(selector)
        if selector.name == "up" and matcher.name == "job" and matcher.op == pp.MatchOp.Equal
    }


def left_out() -> list[set[str]]:
    """The jobs that each selector of the general alert leaves out, where it leaves any out."""
    return [
        set(matcher.value.split("|"))
        for selector in selectors(parse(alerts()[GENERAL]["expr"]))
        for matcher in matchers(selector)
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
