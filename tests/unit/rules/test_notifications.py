"""Templates of notifications that Alertmanager could not use are refused, with their line."""

from pathlib import Path

import pytest
import yaml

from problems import Problems
from rules.notifications import FILE, load_notifications, receivers_texts
from tests.support.recording import ROOT

SOUND = """\
{{/* What it says. */}}
{{ define "a.title" -}}
{{ .Status | toUpper }}{{ range .Alerts }}{{ template "a.one" . }}{{ else }}none{{ end }}
{{- end }}

{{ define "a.one" }}{{ if eq .Status "firing" }}{{ .Labels.pod }}{{ end }}{{ end }}
"""
TITLE = '{{ template "a.title" . }}'


def refusals(text: str | None, folder: Path, *receivers: str) -> list[str]:
    """The problems with the text."""
    path = folder / FILE
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)
    problems = Problems()
    load_notifications(folder, receivers or [TITLE], problems)
    return list(problems.lines())


def test_the_platforms_own_templates_are_valid() -> None:
    problems = Problems()
    text = load_notifications(ROOT, [], problems)
    assert not problems and text == (ROOT / FILE).read_text()


def test_the_templates_that_the_cases_below_break_are_valid(tmp_path: Path) -> None:
    assert refusals(SOUND, tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("{{ .Labels.pod }}{{ end }}", "{{ .Labels.pod }}", 6, "the template a.one has a define"),
        ("none{{ end }}", "none{{ end }}{{ end }}", 4, "an end that belongs to no block"),
        ("toUpper }}", "toUper }}", 3, "the template a.title uses the unknown function toUper."),
        ("toUpper }}", "toUpper }", 3, "unbalanced braces"),
        ('template "a.one"', 'template "a.two"', 3, "calls the template a.two"),
        ("{{ .Labels.pod }}", "{{ }}", 6, "an empty action"),
        (".Labels.pod", ".Label.pod", 6, "the template a.one reads .Label, but an alert has"),
        ("{{/* What", "{{ $labels.pod }}{{/* What", 1, "the text around the templates uses"),
    ],
)
def test_a_template_is_refused_for(
    old: str, new: str, line: int, word: str, tmp_path: Path
) -> None:
    assert old in SOUND
    found = refusals(SOUND.replace(old, new), tmp_path)
    assert found and found[0].startswith(f"{FILE}:{line}: ")
    assert word in found[0]


def test_a_template_that_a_receiver_uses_must_be_defined(tmp_path: Path) -> None:
    assert refusals(SOUND, tmp_path, TITLE, '{{ template "a.text" . }}') == [
        f"{FILE}: does not define the template a.text, which a receiver uses. Define it."
    ]


def test_a_missing_file_is_one_problem(tmp_path: Path) -> None:
    (problem,) = refusals(None, tmp_path)
    assert problem.startswith(f"{FILE}: can't be read")


def test_the_texts_of_receivers_are_those_that_alertmanager_executes() -> None:
    config = """
    route: {receiver: "{{ a }}"}
    receivers:
      - name: a
        slack_configs: [{title: "{{ b }}", text: plain, actions: [{url: "{{ c }}"}]}]
        pagerduty_configs: [{details: {firing: "{{ d }}"}, description: "{{ b }}"}]
    """
    assert receivers_texts(yaml.safe_load(config)["receivers"]) == ["{{ b }}", "{{ c }}", "{{ d }}"]
