"""Makes up templates of both languages: most have the right types, some are then damaged."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(r"\{\{-?|-?\}\}|\$?\w+|\"[^\"]*\"|`[^`]*`|\s+|.", re.DOTALL)
_ENDLESS = re.compile(r"(?=.*\brange\b).*(?:toDuration|\.Sub\b|since)", re.DOTALL)
"""A range over a duration counts its nanoseconds: a server does nothing else for hours."""
_INSERTED = (
    *("{{", "}}", "(", ")", "|", ".", "$", ",", "=", ":=", '"', "`", "'", "-", "1", "1.0", " "),
    *("if", "else", "end", "range", "with", "define", "template", "block", "break", "nil", "not"),
    *("{{ end }}", "{{ else }}", "{{ nil }}", "{{/*", "*/}}", ".x", "$x", "len", "é", "0x", "\\d"),
)


@dataclass(frozen=True, kw_only=True)
class Language:
    """Type -> the ways to write a value of it; `{name}` stands for a value of the type `name`.

    `lists` says which type the elements of a list have. `root` is the type of `.`.
    """

    root: str
    ways: Mapping[str, Sequence[str]]
    fields: Mapping[str, Sequence[tuple[str, str]]]
    lists: Mapping[str, str]
    names: Sequence[str] = field(default=())


_SHARED: Mapping[str, Sequence[str]] = {
    "text": (
        *('"a"', '"10.0"', "`b\\d`", '""', "toUpper {text}", "{text} | toLower", "title {text}"),
        *('printf "%s" {text}', 'printf "%d" {whole}', 'printf "%v" {any}', "print {any} {any}"),
        *('{text} | reReplaceAll "a+" "$1"', "html {text}", "js {any}", "{any} | urlquery"),
        *("println {text}", "slice {text} 0", "or {text} {text}", "and {text} {text}"),
        *("{number} | humanizeDuration", 'printf "%.1f" {number}', "printf {text}"),
    ),
    "number": ("1.5", "2e3", "0x1p2", "-0.5", "{number}", "or {number} {number}"),
    "whole": ("1", "0", "-3", "'\t'", "0xF", "1_0", "len {text}", "len {map}", "and 1 {whole}"),
    "truth": (
        *("true", "not {any}", "eq {text} {text}", "gt {number} {number}", "ne {whole} {whole}"),
        *("lt {text} {text}", "and {truth} {truth}", "or {truth} {any}", "le {whole} {whole}"),
        *('match "a.*" {text}', "eq {truth} false", "ge {number} 1.0", "eq {text} {text} {text}"),
    ),
    "byte": ('index "10.0" 0',),
    # What is counted in ranges in ranges must be small.
    "small": ("3", "0", "2"),
}


def _merged(own: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    return {name: (*_SHARED.get(name, ()), *own.get(name, ())) for name in sorted({*_SHARED, *own})}


PROMETHEUS = Language(
    root="alert",
    ways=_merged(
        {
            "text": (
                *("$labels.instance", "$labels.job", "$externalURL", "pathPrefix"),
                *('index $labels "job"', "$externalLabels.env", "humanize {number}", "externalURL"),
                *("humanizePercentage {number}", "{number} | humanize1024", "stripPort {text}"),
                *('label "job" {sample}', "{sample} | strvalue", "graphLink {text}"),
                *("urlQueryEscape {text}", "stripDomain {text}", "tableLink {text}"),
                *("humanizeTimestamp {number}", "({time}).Weekday.String", "({sample}).Labels.job"),
                *("({time}).Format `15:04`", "(args {text} 1).arg0", "({duration}).String"),
            ),
            "number": (
                *("$value", "now", "value {sample}", 'parseDuration "5m"'),
                *("({sample}).Value", "({duration}).Hours", "(args {number}).arg0"),
            ),
            "whole": ("({time}).Day", "len {samples}", "({time}).Hour"),
            "map": ("$labels", "$externalLabels", "({sample}).Labels", "args {any}"),
            "samples": ('query "up"', "`up` | query", 'sortByLabel "job" {samples}'),
            "sample": ("first {samples}", "{samples} | first", "index {samples} 0"),
            "time": ("toTime {number}", "({time}).UTC", "({time}).Add 5", "({time}).AddDate 0 0 1"),
            "duration": ("toDuration {number}", "({time}).Sub ({time})"),
            "any": ("{text}", "{number}", "{whole}", "{truth}", "{map}", "{samples}", ".", "$"),
        }
    ),
    fields={
        "alert": ((".Labels.pod", "text"), (".Value", "number"), (".ExternalURL", "text")),
        "sample": ((".Labels.job", "text"), (".Value", "number"), (".Labels", "map")),
        "map": ((".pod", "text"), (".job | toUpper", "text")),
    },
    lists={"samples": "sample", "map": "text", "small": "whole"},
)
ALERTMANAGER = Language(
    root="notification",
    ways=_merged(
        {
            "text": (
                *("$.Status", "$.Receiver", "$.ExternalURL", "$.CommonLabels.severity"),
                *(
                    'index $.GroupLabels "alertname"',
                    "$.CommonAnnotations.summary",
                    "trimSpace {text}",
                ),
                *('{texts} | join ", "', "({alert}).Labels.pod", "({alert}).GeneratorURL"),
                *("trimSpace {text}", "toJson {any}", 'date "15:04" {time}', "({kv}).String"),
                *("({time}).UTC.Format `15:04`", "({time}).Month.String", "({alert}).Status"),
            ),
            "number": ("({duration}).Hours", "({duration}).Seconds"),
            "whole": ("len $.Alerts", "$.Alerts.Firing | len", "({time}).Day", "len {texts}"),
            "kv": (
                "$.CommonLabels",
                "$.GroupLabels",
                "({alert}).Annotations",
                "{kv}.Remove {texts}",
            ),
            "map": ("{kv}", "{kv}"),
            "texts": (
                "$.CommonLabels.Names",
                "({kv}).Values",
                "({kv}).SortedPairs.Names",
                'stringSlice "a" {text}',
            ),
            "pairs": ("$.CommonLabels.SortedPairs", "({kv}).SortedPairs"),
            "alerts": ("$.Alerts", "$.Alerts.Firing", "$.Alerts.Resolved", "slice {alerts} 0"),
            "alert": ("index $.Alerts 0",),
            "time": ("({alert}).StartsAt", "({alert}).EndsAt.UTC", '{time} | tz "UTC"'),
            "duration": ("since {time}", "({time}).Sub ({time})"),
            "any": ("{text}", "{number}", "{whole}", "{truth}", "{map}", "{alerts}", ".", "$"),
        }
    ),
    fields={
        "notification": ((".Status", "text"), (".Alerts", "alerts"), (".CommonLabels", "kv")),
        "alert": ((".Status", "text"), (".Labels.pod", "text"), (".StartsAt", "time")),
        "map": ((".pod", "text"), (".SortedPairs", "pairs")),
        "kv": ((".pod", "text"), (".SortedPairs", "pairs"), (".Values", "texts")),
        "pair": ((".Name", "text"), (".Value | toUpper", "text")),
    },
    lists={"alerts": "alert", "texts": "text", "pairs": "pair", "map": "text", "small": "whole"},
)


class _Maker:
    """Makes one template with the choices of a random number generator."""

    def __init__(self, language: Language, choices: random.Random) -> None:
        self._language = language
        self._choices = choices
        self._variables: list[tuple[str, str]] = []
        self._defined = 0

    def template(self) -> str:
        made = self._list(self._language.root, self._choices.randint(1, 4), 0)
        return self._damaged(made) if self._choices.random() < 0.4 else made

    def _list(self, dot: str, length: int, depth: int) -> str:
        known = len(self._variables)
        made = "".join(self._element(dot, depth) for _ in range(length))
        del self._variables[known:]
        return made

    def _element(self, dot: str, depth: int) -> str:
        chance = self._choices.random()
        if depth < 3 and chance < 0.35:
            return self._block(dot, depth)
        if chance < 0.5:
            return self._choices.choice(("text ", "\n", "{{/* note */}}", " {{- /* x */ -}} "))
        if chance < 0.65:
            return self._variable(dot)
        if chance < 0.7 and depth == 0:
            return self._definition(dot)
        left, right = self._choices.choice((("{{ ", " }}"), ("{{- ", " -}}"), ("{{", "}}")))
        return f"{left}{self._value(self._any(), dot, 0)}{right}"

    def _any(self) -> str:
        wrong = self._choices.random() < 0.05
        return self._choices.choice(
            list(self._language.ways) if wrong else ("text", "number", "any")
        )

    def _value(self, kind: str, dot: str, depth: int) -> str:
        """A pipeline whose value has the type, now and then another."""
        if self._choices.random() < 0.03:
            other = self._choices.choice(list(self._language.ways))
            # Only the data decides whether text is a number.
            kind = kind if kind == "number" and other in ("any", "text") else other
        ways = [*self._language.ways.get(kind, ('"?"',))]
        ways += [name for name, type_ in self._variables if type_ == kind] * 3
        ways += [path for path, type_ in self._language.fields.get(dot, ()) if type_ == kind] * 2
        if depth > 3:
            ways = [way for way in ways if "{" not in way] or ways
        way = self._choices.choice(ways)
        if depth > 8:
            return '"deep"'
        return re.sub(r"\{(\w+)\}", lambda match: self._operand(match[1], dot, depth + 1), way)

    def _operand(self, kind: str, dot: str, depth: int) -> str:
        value = self._value(kind, dot, depth)
        return value if re.fullmatch(r"[\w.$\"`'-]+", value) else f"({value})"

    def _variable(self, dot: str) -> str:
        kind = self._any()
        value = self._value(kind, dot, 1)
        same = [name for name, type_ in self._variables if type_ == kind]
        if same and self._choices.random() < 0.4:
            return f"{{{{ {same[0]} = {value} }}}}"
        name = f"$v{len(self._variables)}"
        self._variables.append((name, kind))
        return f"{{{{ {name} := {value} }}}}"

    def _block(self, dot: str, depth: int) -> str:
        choices = self._choices
        kind = choices.choice(("if", "if", "with", "range"))
        otherwise = ""
        known = len(self._variables)
        if kind == "range":
            of = choices.choice(list(self._language.lists))
            inner = self._language.lists[of]
            head = self._value(of, dot, 1)
            if choices.random() < 0.4:
                self._variables.append(("$e", inner))
                head = choices.choice(("$e := ", "$i, $e := ")) + head
        else:
            of = self._any() if kind == "with" else "truth"
            inner = of if kind == "with" else dot
            head = self._value(of, dot, 1)
        body = self._list(inner, choices.randint(0, 2), depth + 1)
        if kind == "range" and choices.random() < 0.15:
            body += "{{ " + choices.choice(("break", "continue")) + " }}"
        del self._variables[known:]
        if choices.random() < 0.4:
            otherwise = "{{ else }}" + self._list(dot, 1, depth + 1)
        elif kind != "range" and choices.random() < 0.2:
            condition = self._value("truth", dot, 1)
            otherwise = f"{{{{ else {kind} {condition} }}}}{self._list(dot, 1, depth + 1)}"
            if kind == "with":
                otherwise = f"{{{{ else with {condition} }}}}{{{{ . }}}}"
        return f"{{{{ {kind} {head} }}}}{body}{otherwise}{{{{ end }}}}"

    def _definition(self, dot: str) -> str:
        self._defined += 1
        name = f"t{self._choices.randint(1, self._defined)}"
        kind = self._choices.choice(("text", "number", self._language.root))
        outer, self._variables = self._variables, []
        # A value of the root type can be written as `.` alone, and is only so outside of blocks.
        body = self._list(kind, 2, 2)
        self._variables = outer
        value = "." if kind == self._language.root else self._value(kind, dot, 1)
        body = body.replace("$.", ".") if kind == self._language.root else body
        return f'{{{{ define "{name}" }}}}{body}{{{{ end }}}}{{{{ template "{name}" {value} }}}}'

    def _damaged(self, text: str) -> str:
        tokens = _TOKEN.findall(text)
        for _ in range(self._choices.choice((1, 1, 2))):
            at = self._choices.randrange(len(tokens) + 1)
            way = self._choices.random()
            if way < 0.35:
                del tokens[at : at + self._choices.choice((1, 1, 2, 3))]
            elif way < 0.6 and at < len(tokens):
                tokens.insert(self._choices.randrange(len(tokens)), tokens[at])
            else:
                tokens.insert(at, self._choices.choice(_INSERTED))
        return "".join(tokens)


def templates(language: Language, number: int) -> list[str]:
    """About so many templates of the language, the same ones in each run."""
    made = (_Maker(language, random.Random(seed)).template() for seed in range(number))
    return [text for text in made if not _ENDLESS.search(text)]
