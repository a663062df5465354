"""Templates of both languages, as the servers run them and as we do."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from promql.errors import PromqlError
from promql.expressions import parse
from templates.alertmanager import check_notifications
from templates.lexer import TemplateError
from templates.prometheus import check_template
from tests.support.verdicts import Kind, OnPurpose

_ALERT = "Hot"


class Notifications(NamedTuple):
    """The text of a template file, and the texts of receivers."""

    file: str
    receivers: tuple[str, ...]


def _refused_text(text: str) -> str | None:
    try:
        for query in check_template(text, _ALERT).queries:
            parse(query)
    except (TemplateError, PromqlError) as error:
        return str(error)
    return None


def _refused_notifications(texts: Notifications) -> tuple[str, ...]:
    found = check_notifications(texts.file, texts.receivers)
    return tuple(mistake.text for mistake in found)


PROMETHEUS = Kind(
    name="templates of rules",
    server="prometheus",
    question=lambda text: {
        "kind": "template",
        "text": text,
        "alert": _ALERT,
        "labels": {"instance": "10.0.0.1:9090", "job": "node", "pod": "p-0"},
        "value": "0.25",
        "external_labels": {"env": "staging"},
        "external_url": "http://prometheus.example/x",
        "series": [
            {"series": f'up{{job="{job}",instance="b"}}', "values": value}
            for job, value in (("node", "5"), ("treaty", "6"))
        ],
    },
    refusal=_refused_text,
)
ALERTMANAGER = Kind(
    name="templates of notifications",
    server="alertmanager",
    question=lambda texts: {
        "kind": "template",
        "text": texts.file,
        "execute": list(texts.receivers),
    },
    refusal=_refused_notifications,
)
PRINTED = replace(
    PROMETHEUS,
    name="printf in templates",
    accepts=lambda verdict: verdict.valid and "%!" not in verdict.more["expansion"],
)
"""Texts that are taken if Go also prints each value with its verb."""
_DEEP = "{{ " + "(" * 70 + "1" + ")" * 70 + " }}"
_REASONS: Sequence[tuple[str, str, str]] = (
    (
        "in some cases",
        "Another alert, or another group of alerts, meets the condition that hides the error.",
        "{{ if eq (print .) `a` }}{{ nil }}{{ end }}",
    ),
    (
        "gives printf",
        "Go prints %!d(string=a) where a verb does not fit, which nobody means to read.",
        '{{ printf "%d" "a" }}',
    ),
    (
        "unbalanced braces",
        "Go prints an action that lacks a brace as it is, which nobody means to read.",
        "{ .Status }}",
    ),
    (
        "which does not exist",
        "It fails as soon as a condition lets it run, or a receiver uses what calls it.",
        '{{ if false }}{{ template "x" . }}{{ end }}',
    ),
    (
        "is nested too deeply",
        "Our reader is recursive. Nobody can read so many parentheses either.",
        _DEEP,
    ),
    (
        "counts further than",
        "A server executes it, and does nothing else for hours if the number is large.",
        "{{ range 101 }}{{ range 100 }}{{ end }}{{ end }}",
    ),
)
ON_PURPOSE = (
    *(
        OnPurpose(
            kind=kind,
            says=says,
            because=because,
            example=Notifications(text, (text,)) if kind is ALERTMANAGER else text,
        )
        for kind in (PROMETHEUS, ALERTMANAGER)
        for says, because, text in _REASONS
    ),
    OnPurpose(
        kind=PROMETHEUS,
        says="does not parse at",
        because="The query fails as soon as a condition lets it run.",
        example="{{ with .Labels.pod }}{{ else }}{{ query `up{` }}{{ end }}",
    ),
)
