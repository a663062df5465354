"""Prometheus takes the expressions that we accept, and refuses those that we refuse."""

from promql.functions import (
    AGGREGATIONS,
    AGGREGATIONS_BEHIND_FLAGS,
    FUNCTIONS,
    FUNCTIONS_BEHIND_FLAGS,
)
from promql.variables import without_variables
from tests.support import promql_texts, server_tests
from tests.support.boards import BOARDS
from tests.support.series import rulebook
from tests.support.verdicts import Comparison
from tests.verdicts.kinds import EXPRESSIONS


def test_the_expressions_of_this_repository(compare: Comparison) -> None:
    rules = rulebook()
    queries = [query for board in BOARDS.values() for _, query in board.queries]
    texts = [rule.fields.expr for rule in (*rules.records, *rules.alerts)]
    compare(EXPRESSIONS, [*texts, *map(without_variables, queries)])


def test_the_expressions_of_prometheus_own_tests(compare: Comparison) -> None:
    compare(EXPRESSIONS, server_tests.expressions())


def test_these_expressions_with_a_changed_character(compare: Comparison) -> None:
    compare(EXPRESSIONS, promql_texts.damaged(server_tests.expressions(), 10_000))


def test_expressions_from_the_grammar_with_and_without_mistakes(compare: Comparison) -> None:
    compare(EXPRESSIONS, promql_texts.written(10_000))


def test_the_functions_and_aggregations_are_those_of_a_server_without_feature_flags(
    compare: Comparison,
) -> None:
    [answer] = compare.ask("prometheus", [{"kind": "functions"}])
    theirs = {one["name"]: (one["arguments"], one["returns"]) for one in answer.more["functions"]}
    ours = {one.name: ([*one.arguments], one.returns) for one in FUNCTIONS.values()}
    assert ours == theirs
    assert sorted(AGGREGATIONS) == answer.more["aggregators"]


def test_functions_behind_flags_are_known_as_such(compare: Comparison) -> None:
    texts = [f"{name}(up)" for name in (*FUNCTIONS_BEHIND_FLAGS, *AGGREGATIONS_BEHIND_FLAGS)]
    for verdict in compare.ask("prometheus", [{"kind": "expr", "text": text} for text in texts]):
        assert "not enabled" in verdict.error or "experimental" in verdict.error, verdict
