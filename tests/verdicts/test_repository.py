"""Prometheus evaluates the rules of this repository, and expands the templates of its alerts."""

from collections.abc import Iterator

from promql.errors import PromqlError
from tests.support.series import rule_files, rulebook
from tests.support.verdicts import Comparison

EVALUATIONS = 15
"""One a minute; an alert that waits has its annotations already."""
COURSES = ("0x", "0.5+0x", "1e9+1e6x", "1e9-1e6x")
"""Values of the series: none, some, many that rise, many that fall."""


def made_up_series() -> Iterator[str]:
    """Series that the rules select: for each selector, of two pods and in two buckets."""
    book = rulebook()
    labels_of = {name: of for metric in book.metrics for name, of in metric.series().items()}
    for rule in (*book.records, *book.alerts):
        assert not isinstance(rule.expression, PromqlError)
        for selector in rule.expression.selectors:
            known = labels_of.get(selector.metric or "")
            wanted = {one.name: one.value for one in selector.matchers if one.operator == "="}
            for pod, bucket in (("0", "0.1"), ("0", "+Inf"), ("1", "0.1"), ("1", "+Inf")):
                of_pod = {"pod": f"some-{pod}", "le": bucket}
                labels = {name: of_pod.get(name, f"some {name}") for name in known or ()} | wanted
                if known is not None:
                    written = ", ".join(f'{name}="{text}"' for name, text in labels.items())
                    yield f"{selector.metric}{{{written}}}"


def test_every_rule_is_evaluated_and_alerts_fire(compare: Comparison) -> None:
    groups = [text.removeprefix("groups:\n") for text in rule_files().values()]
    asked = {
        "kind": "evaluate",
        "text": "".join(["groups:\n", *groups]),
        "evaluations": EVALUATIONS,
    }
    names = sorted({*made_up_series()})
    fired: set[str] = set()
    for course in COURSES:
        series = [{"series": name, "values": f"{course}{EVALUATIONS}"} for name in names]
        [answer] = compare.ask("prometheus", [{**asked, "series": series}])
        assert answer.error == "", course
        fired |= {rule["name"] for rule in answer.more["rules"] if rule.get("alerts")}
    # The others need values that contradict each other here.
    assert len(fired) > len(rulebook().alerts) / 2


def test_every_template_is_expanded(compare: Comparison) -> None:
    series = [{"series": name, "values": "1x10"} for name in sorted({*made_up_series()})]
    questions = [
        {"kind": "template", "alert": alert.name, "text": text, "value": value, "series": series}
        for alert in rulebook().alerts
        for text in (*alert.annotations.values(), *alert.labels.values())
        for value in ("0", "0.25", "NaN", "-Inf")
    ]
    answers = compare.ask("prometheus", questions)
    assert [one.error for one in answers if not one.valid] == []
