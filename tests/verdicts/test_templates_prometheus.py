"""Prometheus expands the templates of rules that we accept, and fails at those that we refuse."""

from pathlib import Path

from templates.builtins import BUILTINS
from templates.prometheus import FUNCTIONS
from tests.support import template_texts
from tests.support.series import rulebook
from tests.support.template_texts import templates
from tests.support.verdicts import Comparison
from tests.verdicts.template_kinds import PROMETHEUS

TEXTS = (Path(__file__).parent / "templates" / "prometheus.txt").read_text(encoding="utf-8")


def test_the_templates_of_this_repository(compare: Comparison) -> None:
    alerts = rulebook().alerts
    compare(PROMETHEUS, [text for alert in alerts for text in alert.annotations.values()])


def test_templates_with_every_function_and_mistake(compare: Comparison) -> None:
    compare(PROMETHEUS, TEXTS.splitlines())


def test_templates_from_the_grammar_with_and_without_mistakes(compare: Comparison) -> None:
    compare(PROMETHEUS, templates(template_texts.PROMETHEUS, 5000))


def test_the_functions_are_those_of_the_server(compare: Comparison) -> None:
    [verdict] = compare.ask("prometheus", [{"kind": "functions"}])
    assert sorted(FUNCTIONS.keys() - BUILTINS.keys()) == sorted(verdict.more["templates"])
