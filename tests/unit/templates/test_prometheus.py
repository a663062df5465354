"""Templates in annotations and labels: syntax, and the labels and queries that they use."""

import pytest

from templates.lexer import TemplateError
from templates.prometheus import check_template

ACCEPTED = [
    "",
    "50 % of {this} stays as it is",
    "{{ $value }}{{$labels.pod}}{{- 1 -}}",
    '{{ $value | printf "%.2f" }} {{ humanizeDuration 3.5 }} {{ 0.9 | humanizePercentage }}',
    "{{ with $labels.pod }}Pod {{ . }}{{ else }}no pod{{ end }}",
    '{{ if eq $labels.a "b" }}x{{ else if gt $value 3.0 }}y{{ else }}z{{ end }}',
    "{{ with $x := $labels.pod }}{{ $x }}{{ else with $labels.job }}{{ . }}{{ end }}",
    '{{ range query "up == 0" }}{{ .Labels.instance }} is {{ .Value }}{{ else }}none{{ end }}',
    '{{ with query "up" }}{{ . | first | value | humanize1024 }}{{ end }}',
    '{{ range $i, $s := query "up" }}{{ if $i }}{{ break }}{{ end }}{{ $s.Labels.pod }}{{ end }}',
    '{{ (query "up" | first).Labels.pod }}',
    "{{ $x := 5 }}{{ $x = 6 }}{{ $x }}",
    "a {{/* a comment */}} b {{- /* another */ -}} c",
    '{{ index $labels "pod" }}{{ len $labels }}{{ $labels }}{{ . }}',
    "{{ .Labels.pod }}{{ $.Labels.pod }}{{ .Value }}{{ .ExternalLabels.a }}{{ .ExternalURL }}",
    "{{ $externalURL }}{{ externalURL }}{{ pathPrefix }}{{ $externalLabels.environment }}",
    '{{ define "unit" }}{{ . }} ms{{ end }}{{ template "unit" $value }}',
    '{{ block "b" $value }}{{ . }}{{ end }}',
    r'{{ reReplaceAll `\d+` "" $labels.pod }}{{ reReplaceAll "\\d+" "$1" $labels.pod }}',
    '{{ "a}}b" }}{{ `}}` }}',
    "{{ $value\n | humanize\n }}",
    "{{ not (and (eq 1 1) (ne 2 3)) }}{{ true }}{{ print nil }}",
    "{{ 'c' }}{{ 0x1F }}{{ 1e3 }}{{ .5 }}",
    "{{ $labels.pod | toUpper | title | urlQueryEscape }}{{ $value | }}",
    '{{ index (query "up") 0 }}{{ (query "up" | first).Value }}{{ query "up" | sortByLabel "a" }}',
    "{{ (toTime $value).UTC.Year }}{{ (toDuration $value).Hours }}{{ (toTime now).Weekday }}",
    '{{ define "t" }}{{ .arg0.pod }}{{ .arg1 }}{{ end }}{{ template "t" (args $labels $value) }}',
    '{{ $x := "" }}{{ range query "up" }}{{ $x = .Labels.a }}{{ end }}{{ toUpper $x }}',
    "{{ $x := 0 }}{{ if $x }}{{ $value.no }}{{ end }}{{ range 3 }}{{ . }}{{ end }}",
    '{{ $s := "" }}{{ range query "up" }}{{ $s = . }}{{ end }}{{ if $s }}{{ $s.Value }}{{ end }}',
    "{{ and false $value.no }}{{ or 1 $value.no }}{{ if eq 1 2 }}{{ $value.no }}{{ end }}",
    '{{ range $i, $s := query "up" }}{{ continue }}{{ $i.no }}{{ end }}',
    '{{ define "t" }} {{ end }}{{ define "t" }}b{{ end }}{{ template "t" }}',
]
REFUSED = {
    "{{ $value": "not closed",
    "{{ }}": "empty action",
    "{{ $valu }}": "undefined variable $valu. Did you mean `$value`?",
    "{{ $x = 1 }}": "the variable $x, which is not declared",
    "{{ if $x := 1 }}{{ end }}{{ $x }}": "undefined variable $x. Declare it",
    "{{ if $labels.a }}{{ $x := 1 }}{{ else }}{{ $x }}{{ end }}": "not declared on every way",
    '{{ define "t" }}{{ $value }}{{ end }}': "undefined variable $value. Give the template",
    "{{ $value | humanise }}": "unknown function humanise. Did you mean `humanize`?",
    "{{ labels.pod }}": "unknown function labels",
    '{{ tmpl "a" . }}': "unknown function tmpl. Only console pages",
    "{{ .Foo }}": "reads .Foo, but an alert has .Labels",
    "{{ .labels.pod }}": "Did you mean `Labels`?",
    "{{ $.foo.bar }}": "reads .foo of $, but an alert has",
    "{{ $value.Sum }}": "reads .Sum of $value, but a floating-point number has no fields",
    "{{ $labels.k8s.pod }}": "reads .pod of $labels.k8s, but text has no fields",
    "{{ gt $value 1 }}": "a floating-point number with a whole number: gt $value 1. Write 1.0.",
    "{{ eq $labels.a 1 }}": "compares text with a whole number",
    "{{ lt $labels 1 }}": "compares labels, which has no order",
    "{{ eq $labels $labels }}": "compares labels with labels",
    "{{ printf $value }}": "gives printf a floating-point number: $value. Give it text.",
    '{{ printf "%d" $value }}': 'for which Go prints %!d(...): printf "%d" $value. Write %v or %g.',
    '{{ printf "%s" }}': "gives printf nothing for %s",
    '{{ printf "%s" $labels.a $labels.b }}': "more values than its format has verbs",
    "{{ $value | toUpper }}": "gives toUpper a floating-point number: $value. Give it text.",
    "{{ toUpper }}": "gives toUpper 0 arguments. Give it 1: text.",
    "{{ humanize $value 2 }}": "gives humanize 2 arguments",
    '{{ humanize "many" }}': "the text `many` for a number",
    '{{ parseDuration "1 h" }}': "`1 h` is not a duration",
    '{{ reReplaceAll "(" "" $labels.a }}': "it has no closing parenthesis",
    "{{ (toTime $value).Date }}": "which no template can: it returns three values",
    "{{ (toTime $value).Format }}": "gives Format 0 arguments",
    '{{ index "abc" 3 }}': "behind the end",
    "{{ index $labels 1 }}": "takes a whole number for a name",
    "{{ len $value }}": "the length of a floating-point number",
    "{{ range $value }}{{ end }}": "a range over a floating-point number: ($value)",
    "{{ range $labels.a }}{{ end }}": "a range over text",
    '{{ query "up" | value }}': "gives value a list of samples",
    '{{ range query "up" }}{{ .pod }}{{ end }}': "reads .pod, but a sample has .Labels, .Value",
    "{{ with $labels.a }}{{ .Labels.b }}{{ end }}": "text has no fields, in some cases",
    '{{ $x := 1 }}{{ if $labels.a }}{{ $x = "" }}{{ end }}{{ toUpper $x }}': "gives toUpper",
    '{{ define "t" }}{{ .x }}{{ end }}{{ template "t" $value }}': "reads .x, but",
    '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}': "without end",
    '{{ define "t" }}a{{ end }}{{ define "t" }}b{{ end }}': "defines the template t twice",
    "{{ end }}": "end that belongs to no block",
    "{{ if true }}": "if without its end",
    "{{ with $value }}{{ range $labels }}{{ end }}": "with without its end",
    "{{ else }}": "else that belongs to no block",
    "{{ if 1 }}{{ else }}{{ else }}{{ end }}": "two else in one if",
    "{{ range $labels }}{{ else if 1 }}{{ end }}": "an else if in a range",
    '{{ define "t" }}{{ else }}{{ end }}': "belongs to no if, range or with",
    "{{ with }}x{{ end }}": "no value in its with",
    "{{ | humanize }}": "lacks a value before |",
    '{{ "abc }}': "a quotation that is not closed",
    r'{{ reReplaceAll "\d" "" "a" }}': r"for its \d",
    r'{{ query "\U99999999" }}': "text that Go can't read",
    r'{{ "\'" }}': "text that Go can't read",
    "{{ , 1 }}": "unexpected in an action",
    "{{ (1).x.y) }}": "a ) without its (",
    "{{ 'ab' }}": "a character that Go can't read",
    "{{ (1 }}": "a ( without its )",
    "{{ 1) }}": "a ) without its (",
    '{{ printf("a") }}': "unexpected in an action, after printf: (",
    '{{ printf "%s"$value }}': "unexpected in an action",
    "{{ $labels[pod] }}": "unexpected in an action",
    "{{ $labels.pod. }}": "unexpected in an action",
    "{{ $labels.a² }}": "the character ² in a name",
    "{{ 1 2 }}": "as if it were a function",
    "{{ $value | 1 }}": "as if it were a function",
    "{{ $value | (1) }}": "as if it were a function",
    '{{ $labels.a "x" }}': "gives arguments to .a, which is a field",
    "{{ nil }}": "nil where a value must be",
    "{{ true.x }}": "unexpected after true",
    "{ $value }}": "unbalanced braces",
    "{{ $value }": "unbalanced braces",
    "{{ {{ $value }} }}": "an action inside an action",
    "{{ break }}": "outside a range",
    '{{ template "x" }}': "calls the template x, which does not exist",
    "{{ template x }}": "without a name in quotes",
    '{{ if 1 }}{{ define "x" }}{{ end }}{{ end }}': "define inside a block",
    "{{ end x }}": "unexpected after end",
    "{{/* never closed }}": "a comment that does not end",
    "{{ " + "(" * 70 + "1" + ")" * 70 + " }}": "nested too deeply",
    "{{ if 1 }}" * 70: "nested too deeply",
    "{{ 09 }}": "a number that Go can't read",
    "{{ 1e400 }}": "a number that Go can't read",
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_template_is_accepted(text: str) -> None:
    check_template(text)


@pytest.mark.parametrize("text", REFUSED)
def test_a_template_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        check_template(text)
    assert REFUSED[text] in str(caught.value)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("{{ $labels.pod }} of {{ $labels.job }}", {"pod", "job"}),
        ("{{ with $labels.pod }}{{ . }}{{ else }}{{ $labels.job }}{{ end }}", {"pod", "job"}),
        ("{{ with $labels.pod }}{{ . }}{{ else }}{{ .Labels.job }}{{ end }}", {"pod", "job"}),
        ("{{ .Labels.pod }}{{ $.Labels.job }}", {"pod", "job"}),
        ('{{ index $labels "pod" | toUpper }}', {"pod"}),
        ('{{ printf "%s/%s" $labels.job (toUpper $labels.pod) }}', {"pod", "job"}),
        ('{{ range query "up" }}{{ .Labels.pod }}{{ end }}', set()),
        ('{{ range query "up" }}{{ $labels.job }}{{ end }}', {"job"}),
        ("{{ if $labels.pod }}{{ .Labels.job }}{{ end }}", {"pod", "job"}),
        ("{{ $externalLabels.environment }}", set()),
        ("{{/* $labels.pod */}}$labels.job", set()),
        ("{{ with $labels }}{{ .pod }}{{ end }}", {"pod"}),
        ("{{ $l := .Labels }}{{ $l.pod }}", {"pod"}),
        ('{{ $n := "pod" }}{{ index $labels $n }}{{ index .Labels "job" }}', {"pod", "job"}),
        ('{{ define "t" }}{{ .pod }}{{ end }}{{ template "t" $labels }}', {"pod"}),
        ('{{ define "t" }}{{ .Labels.pod }}{{ end }}{{ template "t" . }}', {"pod"}),
        ("{{ range $name, $value := $labels }}{{ $name }}{{ end }}", set()),
    ],
)
def test_the_labels_that_a_template_uses_are_found(text: str, labels: set[str]) -> None:
    assert check_template(text).labels == labels


def test_the_queries_that_a_template_makes_are_found() -> None:
    text = '{{ with query "up{pod=\\"a\\"}" }}{{ end }}{{ range query `sum(up)` }}{{ end }}'
    assert check_template(text).queries == ['up{pod="a"}', "sum(up)"]
    assert check_template('{{ $q := "up" }}{{ $q | query }}').queries == ["up"]
