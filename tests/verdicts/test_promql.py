"""Prometheus takes the expressions that we accept, and refuses those that we refuse."""

from promql.variables import without_variables
from tests.support.boards import BOARDS
from tests.support.series import rulebook
from tests.support.verdicts import Comparison
from tests.verdicts.kinds import EXPRESSIONS


def test_the_expressions_of_this_repository(compare: Comparison) -> None:
    rules = rulebook()
    queries = [query for board in BOARDS.values() for _, query in board.queries]
    texts = [rule.fields.expr for rule in (*rules.records, *rules.alerts)]
    compare(EXPRESSIONS, [*texts, *map(without_variables, queries)])
