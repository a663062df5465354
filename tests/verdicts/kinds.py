"""The kinds of texts on which we and the servers must agree."""

from promql.expressions import PromqlError, parse
from tests.support.verdicts import Kind


def _refused_expression(text: str) -> str | None:
    try:
        parse(text)
    except PromqlError as error:
        return str(error)
    return None


EXPRESSIONS = Kind(
    name="PromQL",
    server="prometheus",
    question=lambda text: {"kind": "expr", "text": text},
    refusal=_refused_expression,
)
