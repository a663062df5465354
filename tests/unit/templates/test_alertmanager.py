"""Texts of notifications: what Alertmanager could not load, or could not execute on some group."""

import pytest

from templates.alertmanager import check_notifications

FILE = """\
{{ define "title" }}{{ .Status | toUpper }}{{ end }}
{{ define "one" }}{{ .Labels.pod }} since {{ .StartsAt.UTC.Format "15:04" }}{{ end }}
"""
ACCEPTED = [
    "",
    "no action",
    '{{ template "title" . }}: {{ .CommonAnnotations.summary }} {{ .GroupLabels.alertname }}',
    '{{ range .Alerts }}{{ template "one" . }}{{ else }}none{{ end }}',
    "{{ range .CommonLabels.SortedPairs }}{{ .Name }}{{ .Value }}{{ end }}",
    '{{ .CommonLabels.SortedPairs.Values | join " " }}',
    "{{ .CommonLabels.Remove .GroupLabels.Names }}",
    "{{ (index .Alerts 0).Labels.pod }}{{ len .Alerts.Resolved }}",
    "{{ if gt (len .Alerts) 1 }}{{ (index .Alerts 1).Labels.pod }}{{ end }}",
    '{{ if eq .Status "firing" }}{{ (index .Alerts.Firing 0).Labels.pod }}{{ end }}',
    "{{ with .Alerts.Resolved }}{{ (index . 0).EndsAt }}{{ end }}",
    "{{ range .Alerts }}{{ since .StartsAt | humanizeDuration }}{{ end }}",
    "{{ range .Alerts }}{{ .EndsAt.Sub .StartsAt }}{{ end }}",
    '{{ range .Alerts }}{{ .StartsAt | tz "Europe/Dublin" | date "15:04" }}{{ end }}',
    '{{ template "slack.default.title" . }}{{ template "__text_alert_list" .Alerts }}',
    '{{ define "mine" }}{{ .Status }}{{ end }}{{ template "mine" . }}',
    '{{ template "notifications.tmpl" . }}{{ toJson . }}{{ urlUnescape "a%20b" }}',
]
REFUSED = {
    "{{ $labels.pod }}": "undefined variable $labels. Write .CommonLabels",
    "{{ .Labels.pod }}": "reads .Labels, but a notification has",
    "{{ .Status.name }}": "reads .name of .Status, but text has no fields",
    "{{ range .Alerts }}{{ .CommonLabels.pod }}{{ end }}": "reads .CommonLabels, but an alert has",
    "{{ .Alerts.Labels }}": "reads .Labels of .Alerts, but a list of alerts has .Firing, .Resolved",
    "{{ (index .Alerts 1).Labels.pod }}": "the position 1 of a list that may be shorter",
    "{{ (index .Alerts.Firing 0).Labels.pod }}": "behind the end",
    "{{ slice .Alerts 0 2 }}": "the position 2 of a list that may be shorter",
    "{{ range .Alerts }}{{ .StartsAt.Format }}{{ end }}": "gives Format 0 arguments.",
    '{{ range .Alerts }}{{ date .StartsAt "15:04" }}{{ end }}': "gives date a time: .StartsAt",
    '{{ range .Alerts }}{{ .StartsAt | tz "Europe/Dublinn" }}{{ end }}': "a time zone",
    '{{ range .Alerts }}{{ .StartsAt | tz "localtime" }}{{ end }}': "a time zone",
    '{{ range .Alerts }}{{ .StartsAt | tz "right/UTC" }}{{ end }}': "a time zone",
    '{{ .CommonLabels.Remove "pod" }}': 'gives Remove "pod". Give it a list of texts.',
    "{{ humanize 5 }}": "unknown function humanize",
    '{{ query "up" }}': "unknown function query",
    '{{ urlUnescape "100%" }}': "an escape that is none",
    '{{ template "slack.default.titel" . }}': "the template slack.default.titel, which a receiver",
    '{{ template "slack.default.title" .Alerts }}': "does not fit: it reads .Status",
    '{{ template "title" (index .Alerts 0).Labels.pod }}': "the template title reads .Status",
    "{{ .Status }": "unexpected in an action",
    "{{ range .Alerts }}{{ range since .StartsAt }}{{ end }}{{ end }}": "counts further than 10000",
    "{{ range 101 }}{{ range 100 }}a{{ end }}{{ end }}": "counts further than 10000",
    '{{ $a := "" }}'
    + "{{ range $.Alerts }}{{ $a = 1 }}" * 20
    + "{{ $a = . }}"
    + "{{ end }}" * 20: "takes too long to check",
}


def mistakes(receiver: str, file: str = FILE) -> list[str]:
    return [one.text for one in check_notifications(file, [receiver])]


@pytest.mark.parametrize("receiver", ACCEPTED)
def test_a_receivers_text_is_accepted(receiver: str) -> None:
    assert mistakes(receiver) == []


@pytest.mark.parametrize("receiver", REFUSED)
def test_a_receivers_text_is_refused_with_its_reason(receiver: str) -> None:
    found = mistakes(receiver)
    assert found and REFUSED[receiver] in found[0]


def test_a_mistake_is_found_where_it_is() -> None:
    file = FILE.replace(".StartsAt.UTC", ".StartsAt.Utc")
    [found] = check_notifications(file, ["{{ range .Alerts }}{{ template `one` . }}{{ end }}"])
    assert found.position is not None and file[found.position :].startswith(".StartsAt.Utc")


def test_each_mistake_is_reported_once() -> None:
    file = FILE.replace("toUpper", "toUpper | len | toLower")
    assert (
        len(list(check_notifications(file, ['{{ template "title" . }}', "{{template `title` .}}"])))
        == 1
    )


def test_a_template_of_alertmanager_can_be_replaced() -> None:
    call = '{{ template "slack.default.title" .Alerts }}'
    assert mistakes(call, '{{ define "__subject" }}{{ len . }}{{ end }}') == []
    # An empty definition replaces none.
    assert mistakes(call, '{{ define "__subject" }} {{ end }}') != []


def test_what_no_receiver_calls_is_only_parsed() -> None:
    assert mistakes("", '{{ define "a" }}{{ .No.Field | len }}{{ end }}') == []
    assert mistakes("", '{{ define "a" }}{{ .No.Field | length }}{{ end }}') != []
    assert mistakes("", '{{ define "a" }}{{ template "b" . }}{{ end }}') != []
