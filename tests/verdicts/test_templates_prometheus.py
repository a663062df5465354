"""Prometheus expands the templates of rules that we accept, and fails at those that we refuse."""

from pathlib import Path

from templates.builtins import BUILTINS
from templates.prometheus import FUNCTIONS
from tests.support import template_texts
from tests.support.series import rulebook
from tests.support.template_texts import templates
from tests.support.verdicts import Comparison
from tests.verdicts.template_kinds import PRINTED, PROMETHEUS

TEXTS = (Path(__file__).parent / "templates" / "prometheus.txt").read_text(encoding="utf-8")

VERBS = "vdbcoOqxXUtsgeEfFGTpzZ%"
WIDTHS = ("*d", "*s", "*.*f", ".*f", "d %*d", "d%s%%", "d", "[1]d", "[2]s %[1]d")
VALUES = (
    *("1", "1.5", "true", '"a"', "'a'", "1i", ".", "$", "$labels", "$value", "$externalURL"),
    *('query "up"', 'query "up" | first', "args", "args 1 2", 'args "a"', "args . true"),
    *('slice (query "up") 0 0', "slice `abc` 1", "index `abc` 0", "toTime 5", "toDuration 5"),
    *("(toTime 5).Location", "(toTime 5).Month", "(toTime 5).Weekday", "(toTime 5).MarshalText"),
    *("(toTime 5).UTC", "(toTime 5).Unix", "(toDuration 5).Abs", "(args 1).arg1", "safeHtml `a`"),
    *('(query "up" | first).Labels', "args (args 1)", "99999999", "-1", "nil", "now"),
)


def test_the_templates_of_this_repository(compare: Comparison) -> None:
    alerts = rulebook().alerts
    compare(PROMETHEUS, [text for alert in alerts for text in alert.annotations.values()])


def test_templates_with_every_function_and_mistake(compare: Comparison) -> None:
    compare(PROMETHEUS, TEXTS.splitlines())


def test_templates_from_the_grammar_with_and_without_mistakes(compare: Comparison) -> None:
    compare(PROMETHEUS, templates(template_texts.PROMETHEUS, 5000))


def test_each_verb_with_each_value(compare: Comparison) -> None:
    formats = [f"%{flag}{verb}" for verb in VERBS for flag in ("", "5", ".2", "#", "-08.3", "+")]
    texts = [f"{{{{ printf `{format_}` ({value}) }}}}" for format_ in formats for value in VALUES]
    counted = [f"{{{{ printf `%{width}` 5 ({value}) }}}}" for width in WIDTHS for value in VALUES]
    compare(PRINTED, texts + counted)


def test_the_functions_are_those_of_the_server(compare: Comparison) -> None:
    [verdict] = compare.ask("prometheus", [{"kind": "functions"}])
    assert sorted(FUNCTIONS.keys() - BUILTINS.keys()) == sorted(verdict.more["templates"])
