"""The kinds of texts on which we and the servers must agree."""

import json
from collections.abc import Callable

from promql.errors import PromqlError
from promql.expressions import parse
from promql.regex import RegexError, Use, compile_regex
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


def _refused_regex(use: Use) -> Callable[[str], str | None]:
    def refusal(text: str) -> str | None:
        try:
            compile_regex(text, use)
        except RegexError as error:
            return str(error)
        return None

    return refusal


REGEXES = {
    Use.MATCHER: Kind(
        name="RE2 in matchers",
        server="prometheus",
        question=lambda text: {"kind": "regex", "text": text},
        refusal=_refused_regex(Use.MATCHER),
    ),
    Use.RELABELLING: Kind(
        name="RE2 in relabelling",
        server="prometheus",
        question=lambda text: {"kind": "regex", "use": "relabel", "text": text},
        refusal=_refused_regex(Use.RELABELLING),
    ),
    Use.ALERTMANAGER: Kind(
        name="RE2 in Alertmanager",
        server="alertmanager",
        question=lambda text: {"kind": "regex", "text": text},
        refusal=_refused_regex(Use.ALERTMANAGER),
    ),
    Use.SEARCH: Kind(
        name="RE2 in templates",
        server="prometheus",
        question=lambda text: {
            "kind": "template",
            "text": f'{{{{ reReplaceAll {json.dumps(text, ensure_ascii=False)} "" "" }}}}',
        },
        refusal=_refused_regex(Use.SEARCH),
    ),
}
