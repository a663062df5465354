"""The templates of notifications, as Alertmanager runs them (template/template.go)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from templates.builtins import BUILTINS
from templates.execution import Execution, missing_template
from templates.functions import CHECKS, known_word
from templates.lexer import TemplateError, check_braces
from templates.moments import TIME, TYPES
from templates.parser import parse
from templates.tree import Template
from templates.values import (
    ANY,
    HTML,
    TEXT,
    TEXTS,
    URL,
    Run,
    Signature,
    Type,
    Value,
    WrongCallError,
    alternatives,
    signatures,
)
from time_zones import time_zones

FILE = "notifications.tmpl"
"""The name of the file that the server reads, which is also that of the text around its defines."""
_NO_ESCAPE = re.compile("%(?![0-9a-fA-F]{2}).{0,2}")
_KV_METHODS: dict[str, Signature] = {}
_PAIR = Type(
    "template.Pair",
    "struct",
    "a name with its value",
    fields={"Name": Value(TEXT), "Value": Value(TEXT)},
)
_KV = Type("template.KV", "map", "a set of labels or annotations", Value(TEXT), methods=_KV_METHODS)
_PAIRS = Type(
    "template.Pairs",
    "list",
    "a list of names with values",
    Value(_PAIR),
    methods=signatures(
        """
        Names() []string
        Values() []string
        String() string
        """,
        {"[]string": TEXTS, "string": TEXT},
    ),
)
_KV_METHODS |= signatures(
    """
    SortedPairs() Pairs
    Remove([]string) KV
    Names() []string
    Values() []string
    String() string
    """,
    {"Pairs": _PAIRS, "KV": _KV, "[]string": TEXTS, "string": TEXT},
)


def _alert(status: str | None) -> Value:
    return Value(
        Type(
            "template.Alert",
            "struct",
            "an alert",
            fields={
                "Status": Value(TEXT, status),
                "Labels": Value(_KV),
                "Annotations": Value(_KV),
                "StartsAt": Value(TIME),
                "EndsAt": Value(TIME),
                "GeneratorURL": Value(TEXT),
                "Fingerprint": Value(TEXT),
            },
            comparable=False,
        )
    )


def _some(alerts: Type, any_: bool) -> Value:
    return Value(alerts, (1, None) if any_ else (0, 0))


def _data(*statuses: str) -> Value:
    """The data of a group whose alerts have these statuses, each at least one alert."""
    one = _alert(statuses[0] if len(statuses) == 1 else None)
    methods = {
        name: Signature(name, (), _some(_list(_alert(status)), status in statuses))
        for name, status in (("Firing", "firing"), ("Resolved", "resolved"))
    }
    alerts = Type("template.Alerts", "list", "a list of alerts", one, methods=methods)
    fields = {
        "Receiver": Value(TEXT),
        "Status": Value(TEXT, statuses[0]),
        "Alerts": Value(alerts, (len(statuses), None)),
        "GroupLabels": Value(_KV),
        "CommonLabels": Value(_KV),
        "CommonAnnotations": Value(_KV),
        "ExternalURL": Value(TEXT),
    }
    data = Type("template.Data", "struct", "a notification", fields=fields, comparable=False)
    return Value(Type("*template.Data", "pointer", "a notification", Value(data)))


def _list(alert: Value) -> Type:
    return Type("[]template.Alert", "list", "a list of alerts", alert)


_GROUPS = (_data("firing"), _data("resolved"), _data("firing", "resolved"))

_LIST = "__text_alert_list"
_BOTH = """{{ if gt (len .Alerts.Firing) 0 }}{{ template "LIST" .Alerts.Firing }}{{ end }}
    {{ if gt (len .Alerts.Resolved) 0 }}{{ template "LIST" .Alerts.Resolved }}{{ end }}"""
_TEXT = '{{ .CommonAnnotations.SortedPairs.Values | join " " }}' + _BOTH
_STAND_INS: dict[str, str] = {
    "": """__description discord.default.content rocketchat.default.emoji rocketchat.default.iconurl
        rocketchat.default.text slack.default.callbackid slack.default.footer
        slack.default.iconemoji slack.default.iconurl slack.default.pretext slack.default.text
        wechat.default.agent_id wechat.default.to_party wechat.default.to_tag
        wechat.default.to_user""",
    "Alertmanager": "__alertmanager",
    "{{ .ExternalURL }}{{ .Receiver | urlquery }}": "__alertmanagerURL",
    """{{ .Status | toUpper }}{{ if eq .Status "firing" }}{{ .Alerts.Firing | len }}{{ end }}
    {{ .GroupLabels.SortedPairs.Values | join " " }}
    {{ if gt (len .CommonLabels) (len .GroupLabels) }}
    {{ with .CommonLabels.Remove .GroupLabels.Names }}{{ .Values | join " " }}{{ end }}
    {{ end }}""": "__subject",
    """{{ range . }}{{ range .Labels.SortedPairs }}{{ .Name }}{{ .Value }}{{ end }}
    {{ range .Annotations.SortedPairs }}{{ .Name }}{{ .Value }}{{ end }}
    {{ .GeneratorURL }}{{ end }}""": f"{_LIST} {_LIST}_markdown",
    '{{ template "__subject" . }}': """discord.default.title email.default.subject
        jira.default.summary msteams.default.summary msteams.default.title msteamsv2.default.title
        opsgenie.default.message pagerduty.default.description pushover.default.title
        rocketchat.default.title slack.default.title sns.default.subject
        victorops.default.entity_display_name""",
    '{{ template "__alertmanager" . }}': """pagerduty.default.client rocketchat.default.alias
        slack.default.username victorops.default.monitoring_tool""",
    '{{ template "__alertmanagerURL" . }}': """opsgenie.default.source
        pagerduty.default.clientURL pushover.default.url rocketchat.default.titlelink
        slack.default.titlelink""",
    '{{ template "slack.default.title" . }}{{ template "slack.default.titlelink" . }}': (
        "slack.default.fallback"
    ),
    '{{ template "LIST" . }}'.replace("LIST", _LIST): "pagerduty.default.instances",
    _TEXT.replace("LIST", _LIST): """opsgenie.default.description pushover.default.message
        sns.default.message victorops.default.state_message webex.default.message""",
    _BOTH.replace("LIST", _LIST): "discord.default.message telegram.default.message",
    '{{ template "__subject" . }}{{ template "__alertmanagerURL" . }}'
    + _TEXT.replace("LIST", _LIST): "wechat.default.message",
    _BOTH.replace("LIST", f"{_LIST}_markdown"): """jira.default.description
        mattermost.default.text msteams.default.text msteamsv2.default.text""",
    """{{ range .Alerts.Firing }}{{ index .Labels "severity" }}{{ end }}
    {{ range .Alerts.Resolved }}{{ index .Labels "severity" }}{{ end }}""": "jira.default.priority",
    '{{ template "__subject" . }}{{ template "__alertmanagerURL" . }}{{ len .Alerts }}'
    + '{{ range .GroupLabels.SortedPairs }}{{ .Name }}{{ end }}{{ template "__alertmanager" . }}'
    + _BOTH.replace("LIST", _LIST): "email.default.html",
}
"""What reads and calls the same as Alertmanager's own templates (default.tmpl, email.tmpl)."""
_HINTS = {
    "$labels": "Write .CommonLabels, or .Labels of one alert.",
    "$value": "Let the alert's description say it.",
    "$externalLabels": "Write .CommonLabels.",
    "$externalURL": "Write .ExternalURL.",
}


class Mistake(NamedTuple):
    """What is wrong; `position` is where in the file, or None for a receiver's text."""

    position: int | None
    text: str


@cache
def stand_ins() -> Mapping[str, Template]:
    """Name -> what stands for Alertmanager's own template of that name."""
    found: dict[str, Template] = {}
    for text, names in _STAND_INS.items():
        template = parse(text, FUNCTIONS)[""]
        found |= {name: replace(template, name=name) for name in names.split()}
    return found


def check_notifications(text: str, receivers: Iterable[str]) -> Iterator[Mistake]:
    """What is wrong with the text of a template file.

    `receivers` are the texts of the configuration, which Alertmanager executes on groups of firing
    alerts, of resolved ones, and of both. What no receiver calls is only parsed, as Alertmanager
    never executes it: it parses the file, and fails where a receiver's text calls what is wrong.
    """
    own = stand_ins()
    try:
        check_braces(text)
        file = parse(text, FUNCTIONS, name=FILE, hints=_HINTS)
    except TemplateError as error:
        yield _mistake(error)
        return
    names = [*file, *own]
    missing = [
        _mistake(missing_template(call, names), template.name)
        for template in file.values()
        for call in template.calls
        if call.name not in names
    ]
    yield from missing
    if not missing:
        yield from dict.fromkeys(
            mistake for receiver in receivers for mistake in _failures(receiver, file)
        )


def _failures(receiver: str, file: Mapping[str, Template]) -> Iterator[Mistake]:
    own = stand_ins()
    try:
        texts = parse(receiver, FUNCTIONS, hints=_HINTS)
    except TemplateError as error:
        yield Mistake(None, f"the text {receiver}, which a receiver uses, {error}")
        return
    for call in texts[""].calls:
        if call.name not in (*texts, *file, *own):
            text = f"does not define the template {call.name}, which a receiver uses. Define it."
            yield Mistake(None, text)
            return
    # An empty definition does not replace another.
    templates = dict(file)
    templates |= {name: one for name, one in texts.items() if one.body or name not in templates}
    replaced = {name for name, one in templates.items() if one.body}
    given = {name: one for name, one in own.items() if name not in replaced}
    for group in _GROUPS:
        try:
            Execution(templates, FUNCTIONS, given).run("", group)
        except TemplateError as error:
            if error.template in texts:
                yield Mistake(None, f"the text {receiver}, which a receiver uses, {error}")
            else:
                yield _mistake(error)


def _mistake(error: TemplateError, template: str = "") -> Mistake:
    name = template or error.template
    what = f"the template {name}" if name not in ("", FILE) else "the text around the templates"
    return Mistake(error.position, f"{what} {error}")


def _url_unescape(arguments: Sequence[Value], _run: Run) -> None:
    known = arguments[0].known
    if isinstance(known, str) and (wrong := _NO_ESCAPE.search(known)):
        raise WrongCallError(f"takes an escape that is none, {wrong[0]}", "Write %25 for %.")


def _zone(arguments: Sequence[Value], _run: Run) -> None:
    known = arguments[0].known
    if isinstance(known, str) and known not in {"", "Local", *time_zones()}:
        reason = f"takes a time zone that does not exist, {known}"
        raise WrongCallError(reason, "Write one such as Europe/Dublin.")


def _json(arguments: Sequence[Value], _run: Run) -> None:
    if any(one.type.kind == "complex" for one in alternatives(arguments[0])):
        raise WrongCallError("takes a complex number", "Give it another.")


FUNCTIONS = BUILTINS | signatures(
    """
    date(string, Time) string
    humanizeDuration(any) string
    join(string, []string) string
    match(string, string) bool
    reReplaceAll(string, string, string) string
    safeHtml(string) HTML
    safeUrl(string) URL
    since(Time) Duration
    stringSlice(...string) []string
    title(string) string
    toJson(any) string
    toLower(string) string
    toUpper(string) string
    trimSpace(string) string
    tz(string, Time) Time
    urlUnescape(string) string
    """,
    {**TYPES, "any": ANY, "HTML": HTML, "URL": URL, "[]string": TEXTS},
    {
        **CHECKS,
        "title": known_word(str.capitalize),
        "toJson": _json,
        "tz": _zone,
        "urlUnescape": _url_unescape,
    },
)
