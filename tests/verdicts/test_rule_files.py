"""Prometheus loads the rule files that we accept, and refuses those that we refuse."""

from tests.support import rule_file_texts
from tests.support.series import rule_files
from tests.support.verdicts import Comparison
from tests.verdicts.kinds import RULE_FILES


def test_the_rule_files_that_are_rendered_are_loaded(compare: Comparison) -> None:
    questions = [RULE_FILES.question(text) for text in rule_files().values()]
    assert [one.error for one in compare.ask("prometheus", questions)] == [""] * len(questions)


def test_files_with_every_field_and_value_written_in_many_ways(compare: Comparison) -> None:
    compare(RULE_FILES, rule_file_texts.files(1000))
