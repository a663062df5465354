"""The templates of alerts' labels and annotations, as Prometheus expands them (template.go)."""

from collections.abc import Sequence

from promql.durations import parse_duration
from promql.errors import PromqlError
from promql.expressions import parse as parse_query
from templates.builtins import BUILTINS
from templates.execution import Execution, missing_template
from templates.functions import CHECKS, check_moment, known_word
from templates.lexer import check_braces
from templates.moments import TYPES
from templates.parser import parse
from templates.values import (
    ADDRESS,
    ANY,
    FLOAT,
    HTML,
    ITEMS,
    LABELS,
    STRINGS,
    TEXT,
    Run,
    Type,
    Uses,
    Value,
    WrongCallError,
    length,
    signatures,
)

_SAMPLE = Type(
    "*template.sample",
    "pointer",
    "a sample",
    Value(
        Type(
            "template.sample",
            "struct",
            "a sample",
            fields={"Labels": Value(STRINGS), "Value": Value(FLOAT)},
            comparable=False,
        )
    ),
)
_SAMPLES = Type("template.queryResult", "list", "a list of samples", Value(_SAMPLE))
_ALERT = Value(
    Type(
        "struct",
        "struct",
        "an alert",
        fields={
            "Labels": Value(LABELS),
            "ExternalLabels": Value(STRINGS),
            "ExternalURL": Value(ADDRESS),
            "Value": Value(FLOAT),
        },
        comparable=False,
    )
)
_HINTS = {"tmpl": "Only console pages have it. Write the text out."}
_MOST_ITEMS = 1000
_VARIABLES = {
    "$labels": _ALERT.type.fields["Labels"],
    "$externalLabels": _ALERT.type.fields["ExternalLabels"],
    "$externalURL": _ALERT.type.fields["ExternalURL"],
    "$value": _ALERT.type.fields["Value"],
}
"""Prometheus puts the definitions of these before each text."""


def check_template(text: str, alert: str = "") -> Uses:
    """The labels and queries of a text of the alert.

    Raises TemplateError if Prometheus would refuse the text, or write an error instead of it for
    some value or labels.
    """
    check_braces(text)
    name = f"__alert_{alert}"
    templates = parse(text, FUNCTIONS, name=name, variables=_VARIABLES, hints=_HINTS)
    for template in templates.values():
        for call in template.calls:
            if call.name not in templates:
                raise missing_template(call, templates)
    return Execution(templates, FUNCTIONS).run(name, _ALERT, _VARIABLES)


def _args(arguments: Sequence[Value], _run: Run) -> Value:
    items = Value(ITEMS, tuple((f"arg{at}", value) for at, value in enumerate(arguments)))
    if _count(items) > _MOST_ITEMS:
        raise WrongCallError("gives args too many values in one another", "Give it fewer.")
    return items


def _count(value: Value) -> int:
    """How many values the items hold, each in its items as well."""
    known = value.known if value.type is ITEMS and isinstance(value.known, tuple) else ()
    return 1 + sum(_count(item) for _, item in known)


def _query(arguments: Sequence[Value], run: Run) -> None:
    if isinstance(query := arguments[0].known, str):
        run.uses.queries.append(query)
        try:
            type_ = parse_query(query).tree.value_type
        except PromqlError:
            return  # Whoever checks the queries says so.
        if type_ in ("string", "matrix"):
            raise WrongCallError("runs a query that returns no samples of one time", "Correct it.")


def _first(arguments: Sequence[Value], _run: Run) -> None:
    if length(arguments[0]) == (0, 0):
        raise WrongCallError("takes the first sample of none", "Give it the result of a query.")


def _parse_duration(arguments: Sequence[Value], _run: Run) -> None:
    if isinstance(text := arguments[0].known, str):
        try:
            parse_duration(text.removeprefix("-"))
        except ValueError as error:
            reason, _, advice = str(error).partition(". ")
            raise WrongCallError(f"takes what is wrong: {reason}", advice) from None


def _to_time(arguments: Sequence[Value], _run: Run) -> None:
    check_moment(arguments[0], may_be_endless=False)


def _string_value(_arguments: Sequence[Value], _run: Run) -> Value:
    # It reads the label __value__, which only the results of console templates had.
    return Value(TEXT, "")


def _sorted(arguments: Sequence[Value], _run: Run) -> Value:
    return arguments[1]


FUNCTIONS = BUILTINS | signatures(
    """
    args(...any) map[string]any
    externalURL() URL
    first(queryResult) *sample
    graphLink(string) string
    humanize(any) string
    humanize1024(any) string
    humanizeDuration(any) string
    humanizePercentage(any) string
    humanizeTimestamp(any) string
    label(string, *sample) string
    match(string, string) bool
    now() float64
    parseDuration(string) float64
    pathPrefix() URL
    query(string) queryResult
    reReplaceAll(string, string, string) string
    safeHtml(string) HTML
    sortByLabel(string, queryResult) queryResult
    stripDomain(string) string
    stripPort(string) string
    strvalue(*sample) string
    tableLink(string) string
    title(string) string
    toDuration(any) *Duration
    toLower(string) string
    toTime(any) *Time
    toUpper(string) string
    urlQueryEscape(string) string
    value(*sample) float64
    """,
    {
        **TYPES,
        "any": ANY,
        "HTML": HTML,
        "URL": ADDRESS,
        "*sample": _SAMPLE,
        "queryResult": _SAMPLES,
        "map[string]any": ITEMS,
    },
    {
        **CHECKS,
        "args": _args,
        "first": _first,
        "parseDuration": _parse_duration,
        "query": _query,
        "sortByLabel": _sorted,
        "strvalue": _string_value,
        "title": known_word(lambda word: word[:1].upper() + word[1:]),
        "toTime": _to_time,
    },
)
"""Those that texts of rules may call: `tmpl` is for console pages alone."""
