"""Templates in annotations and labels: syntax, and the labels and queries that they use."""

import pytest

from rules.templates import TemplateError, check_template

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
    "{{ $labels.pod | toUpper | title | urlQueryEscape }}{{ $value.Sum }}",
]
REFUSED = {
    "{{ $value": "not closed",
    "{{ }}": "empty action",
    "{{ $valu }}": "undefined variable $valu",
    "{{ $x = 1 }}": "undefined variable $x",
    "{{ if $x := 1 }}{{ end }}{{ $x }}": "undefined variable $x",
    '{{ define "t" }}{{ $value }}{{ end }}': "undefined variable $value",
    "{{ $value | humanise }}": "unknown function humanise. Did you mean `humanize`?",
    "{{ labels.pod }}": "unknown function labels",
    '{{ tmpl "a" . }}': "unknown function tmpl",
    "{{ .Foo }}": "uses .Foo, which no alert has",
    "{{ $.foo.bar }}": "uses .foo, which no alert has",
    "{{ end }}": "end that closes nothing",
    "{{ if true }}": "if without its end",
    "{{ with $value }}{{ range $labels }}{{ end }}": "with without its end",
    "{{ else }}": "else that belongs to no if",
    "{{ if 1 }}{{ else }}{{ else }}{{ end }}": "else that belongs to no if",
    "{{ range $labels }}{{ else if 1 }}{{ end }}": "unexpected after else",
    "{{ with }}x{{ end }}": "lacks a value in an action",
    "{{ $value | }}": "lacks a value in an action",
    "{{ | humanize }}": "lacks a value in an action",
    '{{ "abc }}': "unexpected in an action",
    r'{{ reReplaceAll "\d" "" "a" }}': "unexpected in an action",
    r'{{ query "\U99999999" }}': "text that can't be read",
    "{{ , 1 }}": "unexpected in an action",
    "{{ (1).x.y) }}": "unexpected in an action",
    "{{ 'ab' }}": "unexpected in an action",
    "{{ (1 }}": "unbalanced parentheses",
    "{{ 1) }}": "unexpected in an action",
    '{{ printf("a") }}': "unexpected in an action",
    '{{ printf "%s"$value }}': "unexpected in an action",
    "{{ $labels[pod] }}": "unexpected in an action",
    "{{ $labels.pod. }}": "unexpected in an action",
    "{{ 1 2 }}": "as if it were a function",
    "{{ $value | 1 }}": "as if it were a function",
    "{{ nil }}": "as if it were a function",
    "{{ true.x }}": "unexpected after true",
    "{ $value }}": "unbalanced braces",
    "{{ $value }": "unbalanced braces",
    "{{ {{ $value }} }}": "unexpected in an action",
    "{{ break }}": "outside a range",
    '{{ template "x" }}': 'calls the template "x"',
    "{{ template x }}": "without a quoted name",
    '{{ if 1 }}{{ define "x" }}{{ end }}{{ end }}': "define inside a block",
    "{{ end x }}": "end that closes nothing",
    "{{/* never closed }}": "unexpected in an action",
    "{{ " + "(" * 30 + "1" + ")" * 30 + " }}": "nested too deeply",
    "{{ if 1 }}" * 30: "nested too deeply",
    "{{ 09 }}": "unexpected in an action",
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
    ],
)
def test_the_labels_that_a_template_uses_are_found(text: str, labels: set[str]) -> None:
    assert check_template(text).labels == labels


def test_the_queries_that_a_template_makes_are_found() -> None:
    text = '{{ with query "up{pod=\\"a\\"}" }}{{ end }}{{ range query `sum(up)` }}{{ end }}'
    assert check_template(text).queries == ['up{pod="a"}', "sum(up)"]
