"""Each mistake in a rule file is refused in one line with its place and what to write instead."""

from pathlib import Path

import pytest

from tests.support.rules.rule_project import (
    ALERT_FILE,
    ALERTS,
    METRIC_FILE,
    RECORD_FILE,
    RECORDS,
    RUNBOOK,
    load,
    refusals,
    write,
)

# Mistake -> (old text, new text) in the valid alert file, line, words of the message.
BROKEN_ALERTS = {
    "a syntax error": (("expr: oven_heat > 5", "expr: [oven_heat"), 7, ["not YAML"]),
    "a tab": (("    interval", "\tinterval"), 3, ["not YAML"]),
    "a tag that builds an object": (
        ("summary: It is hot", "summary: !!python/object/apply:os.system [ls]"),
        11,
        ["!!python/object/apply:os.system", "Remove it"],
    ),
    "a custom tag": (("for: 5m", "for: !env 5m"), 7, ["!env"]),
    "an anchor": (("for: 5m", "for: &long 5m"), 7, ["&long", "Write each value out"]),
    "an alias": (("for: 5m", "for: *long"), 7, ["*long", "Write the value out"]),
    "a merge key": (("        for: 5m", "        <<: {for: 5m}"), 7, ["<<", "Write it out"]),
    "a date": (("for: 5m", "for: 2025-10-23"), 7, ["2025-10-23", "30m, 2h or 1d12h"]),
    "a key that is no field": (("for: 5m", "5: 5m"), 7, ["`5` is an unknown field"]),
    "a key that is not text": (("for: 5m", "[a]: 5m"), 7, ["key is not text"]),
    "a second document": (("      - alert", "---\n      - alert"), 5, ["second YAML document"]),
    "a duplicate key": (
        ("for: 5m", "for: 5m\n        for: 6m"),
        8,
        ["`for`", "already on line 7"],
    ),
    "an invisible character": (("hot", "h\u200bo\u2028t"), 11, ["U+2028"]),
    "a control character": (("hot", "h\x07t"), 11, ["U+0007"]),
    "deep nesting": (("for: 5m", "for: " + "[" * 50), 7, ["nested more than"]),
    "an unknown field": (
        ("for: 5m", "threshold: 5m"),
        7,
        ["`threshold`", "Use one of: alert"],
    ),
    "a misspelled field": (("expr:", "exrp:"), 6, ["`exrp`", "Did you mean `expr`?"]),
    "a missing field": (("        expr: oven_heat > 5\n", ""), 5, ["`expr` is missing"]),
    "a misspelled group field": (("interval:", "intervall:"), 3, ["Did you mean `interval`?"]),
    "a misspelled `groups`": (("groups:", "group:"), 1, ["Did you mean `groups`?"]),
    "a file that is not about rules": ((ALERTS, "- a\n- b\n"), 1, ["must be a mapping"]),
    "groups that are not a list": ((ALERTS, "groups: 5\n"), 1, ["`groups`", "list"]),
    "a group that is not a mapping": ((ALERTS, "groups:\n  - 5\n"), 2, ["must be a mapping"]),
    "no groups": ((ALERTS, "groups: []\n"), 1, ["`groups` is empty"]),
    "no rules": ((ALERTS, "groups:\n  - name: a\n    rules: []\n"), 3, ["`rules` is empty"]),
    "a bad duration": (("for: 5m", "for: 5 minutes"), 7, ["5 minutes", "30m, 2h or 1d12h"]),
    "a duration that is too long": (("for: 5m", "for: 300y"), 7, ["longer than"]),
    "a duration without a unit": (("for: 5m", "for: 5"), 7, ["`5` is not a duration"]),
    "a bad interval": (("interval: 30s", "interval: often"), 3, ["not a duration"]),
    "a limit that is text": (("interval: 30s", 'limit: "1"'), 3, ["`limit`", "integer"]),
    "a label that is a list": (("severity: warning", "severity: [3]"), 9, ["must be text"]),
    "an alert without a name": (("alert: Hot", 'alert: ""'), 5, ["`alert` is missing"]),
    "a field without a value": (("expr: oven_heat > 5", "expr:"), 6, ["`expr` is missing"]),
    "a label without a name": (("severity: w", "'': a\n          severity: w"), 9, ["is empty"]),
    "the name of the series as a label": (
        ("severity: w", "__name__: a\n          severity: w"),
        9,
        ["`__name__` is the name of the series", "Remove it"],
    ),
    "a recording rule among alerts": (
        ("alert: Hot", "record: hot:hot:hot"),
        5,
        ["Move it to rules/recording-rules.yaml"],
    ),
    "PromQL that does not parse": (
        ("expr: oven_heat > 5", "expr: sum(oven_heat > 5"),
        6,
        ["Hot", "does not parse at column 4: this parenthesis is not closed. Add )"],
    ),
    "PromQL of the wrong type": (
        ("expr: oven_heat > 5", "expr: rate(oven_heat) > 5"),
        6,
        ["rate() takes a range vector"],
    ),
    "a dashboard variable": (
        ("expr: oven_heat > 5", "expr: oven_heat > $limit"),
        6,
        ["dashboard variable $limit"],
    ),
    "a dashboard variable in a matcher": (
        ("expr: oven_heat > 5", 'expr: oven_heat{pod="${pod}"} > 5'),
        6,
        ["dashboard variable ${pod"],
    ),
    "a metric that nobody exports": (
        ("oven_heat", "oven_heet"),
        6,
        ["oven_heet", "Did you mean `oven_heat`?"],
    ),
    "a label that the metric does not have": (
        ("expr: oven_heat > 5", 'expr: oven_heat{pods="a"} > 5'),
        6,
        ["oven_heat has no label pods", "Did you mean `pod`?"],
    ),
    "a selector without a metric": (
        ("oven_heat > 5", "'{job=\"oven\"} > 5'"),
        6,
        ["names no metric"],
    ),
    "a template that does not parse": (
        ("{{ $value }}", "{{ $value }"),
        12,
        ["description of Hot", "unbalanced braces"],
    ),
    "a template with an unknown function": (
        ("{{ $value }}", "{{ $value | humanise }}"),
        12,
        ["humanise", "Did you mean `humanize`?"],
    ),
    "a label template that does not parse": (
        ("severity: w", "team: '{{ | toUpper }}'\n          severity: w"),
        9,
        ["team of Hot", "lacks a value before |"],
    ),
    "a template with a label that is aggregated away": (
        ("expr: oven_heat > 5", "expr: oven:heat:avg > 5"),
        12,
        ["the label pod", "it returns: job"],
    ),
    "a template with a query that does not parse": (
        ("{{ $value }}", '{{ with query "sum(" }}{{ . }}{{ end }}'),
        12,
        ["query in description of Hot", "does not parse"],
    ),
    "no severity": (("severity: warning", "team: kitchen"), 8, ["no severity", "critical"]),
    "no labels": (("        labels:\n          severity: warning\n", ""), 5, ["no severity"]),
    "the severity of Watchdog": (
        ("severity: warning", "severity: none"),
        9,
        ["only Watchdog", "`none`", "Label Hot warning or critical"],
    ),
    "a severity without a route": (
        ("severity: warning", "severity: Warning"),
        9,
        ["`Warning`", "warning or critical"],
    ),
    "channels that no route matches": (
        ("severity: w", "channels: al\n          severity: w"),
        9,
        ["`al` of Hot", "Write channels: all, or remove it"],
    ),
    "no summary": (("          summary: It is hot\n", ""), 10, ["Hot has no summary"]),
    "an empty summary": (("It is hot", '" "'), 11, ["Hot has no summary"]),
    "no description": (("          description", "          note"), 10, ["no description"]),
    "a runbook_url": (("threshold", "runbook_url: a\n          threshold"), 13, ["Remove it"]),
    "a threshold that is not a number": (('"5"', '"hot"'), 10, ["threshold must be a number"]),
    "a threshold in no comparison": (
        ("oven_heat > 5", "oven_heat > 6"),
        10,
        ["right side of exactly one comparison", "not of 0"],
    ),
    "a threshold that is only part of an operand": (
        ("oven_heat > 5", "oven_heat > 5 * oven_heat"),
        10,
        ["not of 0"],
    ),
    "a threshold in two comparisons": (
        ("oven_heat > 5", "oven_heat > 5 or oven_heat == 5"),
        10,
        ["not of 2"],
    ),
    "a threshold that the description does not state": (
        ("above 5", "above 6"),
        10,
        ["`description` must state the threshold 5 exactly once"],
    ),
}


@pytest.mark.parametrize("case", BROKEN_ALERTS)
def test_an_alert_file_is_refused_for(case: str, tmp_path: Path) -> None:
    (old, new), line, words = BROKEN_ALERTS[case]
    broken = ALERTS.replace(old, new, 1)
    assert broken != ALERTS
    (problem,) = refusals(write(tmp_path, {ALERT_FILE: broken}))
    assert problem.startswith(f"{ALERT_FILE}:{line}: ")
    assert all(word in problem for word in words), problem


# Mistake -> files that replace those of the valid project, place, words of the message.
WATCHDOG = """\
groups:
  - name: watchdog
    rules:
      - alert: Watchdog
        expr: vector(1)
        labels: {severity: none}
        annotations: {summary: Alerting works, description: It always fires.}
"""
BROKEN_FILES = {
    "an empty alert file": ({ALERT_FILE: ""}, ALERT_FILE, ["is empty", "`groups:`"]),
    "an alert file with only comments": ({ALERT_FILE: "# to come\n"}, ALERT_FILE, ["is empty"]),
    "text that is not UTF-8": ({ALERT_FILE: b"groups:\n  - \xff\n"}, f"{ALERT_FILE}:2", ["UTF-8"]),
    "a byte order mark inside": (
        {ALERT_FILE: ALERTS.replace("Hot", "\ufeffHot")},
        f"{ALERT_FILE}:5",
        ["U+FEFF"],
    ),
    "a file that is too large": (
        {ALERT_FILE: ALERTS + "#" * 210_000},
        ALERT_FILE,
        ["larger than 200 KiB"],
    ),
    "no alert file": ({ALERT_FILE: None}, "rules/alerts", ["no alert file"]),
    "no recording-rules.yaml": ({RECORD_FILE: None}, RECORD_FILE, ["can't be read"]),
    "no inventory": ({METRIC_FILE: None}, METRIC_FILE, ["can't be read"]),
    "an alert file that ends in .yml": (
        {"rules/alerts/b.yml": ALERTS},
        "rules/alerts/b.yml",
        ["never loaded"],
    ),
    "an alert file in a subfolder": (
        {"rules/alerts/a/b/c.yaml": ALERTS},
        "rules/alerts/a/b/c.yaml",
        ["never loaded"],
    ),
    "an alert file beside its folder": (
        {"rules/more.yaml": ALERTS},
        "rules/more.yaml",
        ["never loaded"],
    ),
    "an alert without a runbook": (
        {RUNBOOK: None},
        f"{ALERT_FILE}:5",
        ["Hot has no runbook. Write docs/runbooks/Hot.md"],
    ),
    "a runbook that is empty": ({RUNBOOK: "# Hot\n\n## Meaning\n"}, RUNBOOK, ["is empty"]),
    "a runbook that is not written yet": (
        {RUNBOOK: "# Hot\n\nTODO: write\n"},
        f"{RUNBOOK}:3",
        ["still says TODO"],
    ),
    "a runbook of placeholders": (
        {RUNBOOK: "# Hot\n\nA Placeholder.\n"},
        f"{RUNBOOK}:3",
        ["still says Placeholder"],
    ),
    "the same alert in two files": (
        {"rules/alerts/b.yaml": ALERTS.replace("name: heat", "name: cold")},
        "rules/alerts/b.yaml:5",
        ["alert Hot", f"already at {ALERT_FILE}:5"],
    ),
    "the same group in two files": (
        {
            "rules/alerts/b.yaml": ALERTS.replace("alert: Hot", "alert: Cold"),
            "docs/runbooks/Cold.md": "Close the door.",
        },
        "rules/alerts/b.yaml:2",
        ["group heat", f"already at {ALERT_FILE}:2"],
    ),
    "a Watchdog that notifies somebody": (
        {
            "rules/platform/w.yaml": WATCHDOG.replace("none", "critical"),
            "docs/runbooks/Watchdog.md": "Look.",
        },
        "rules/platform/w.yaml:6",
        ["Watchdog always fires", "severity: none"],
    ),
    "an alert with a dashboard_url": (
        {ALERT_FILE: ALERTS + "          dashboard_url: https://grafana.test/d/a\n"},
        f"{ALERT_FILE}:14",
        ["`dashboard_url` is added", "Remove it"],
    ),
    "the same record twice": (
        {
            RECORD_FILE: RECORDS
            + "      - record: oven:heat:avg\n        expr: max by (job) (oven_heat)\n"
        },
        f"{RECORD_FILE}:6",
        ["record oven:heat:avg", f"already at {RECORD_FILE}:4"],
    ),
    "a selector as a record's name": (
        {RECORD_FILE: RECORDS.replace("oven:heat:avg", "oven:heat{}")},
        f"{RECORD_FILE}:4",
        ["`oven:heat{}`", "level:metric:operation"],
    ),
    "a record that is exported": (
        {RECORD_FILE: RECORDS.replace("oven:heat:avg", "oven_heat")},
        f"{RECORD_FILE}:4",
        ["metric oven_heat is exported", "level:metric:operation"],
    ),
    "an alert among recording rules": (
        {RECORD_FILE: RECORDS.replace("record: oven:heat:avg", "alert: Hot")},
        f"{RECORD_FILE}:4",
        ["Move it to rules/alerts/"],
    ),
    "a recording rule with `for`": (
        {RECORD_FILE: RECORDS + "        for: 5m\n"},
        f"{RECORD_FILE}:6",
        ["`for`: a recording rule does not wait"],
    ),
    "a recording rule with annotations": (
        {RECORD_FILE: RECORDS + "        annotations: {summary: Hot}\n"},
        f"{RECORD_FILE}:6",
        ["`annotations`: nobody would read"],
    ),
    "two alerts with one runbook": (
        {
            ALERT_FILE: ALERTS.replace("alert: Hot", "alert: 1/2"),
            "rules/alerts/b.yaml": ALERTS.replace("name: heat", "name: b").replace("Hot", "1 2"),
            "docs/runbooks/1-2.md": "Open the door.",
        },
        "rules/alerts/b.yaml:5",
        ["1-2.md is already that of 1/2"],
    ),
    "a recording rule over a metric that nobody exports": (
        {RECORD_FILE: RECORDS.replace("oven_heat", "fridge_light")},
        f"{RECORD_FILE}:5",
        ["fridge_light", "metrics.yaml"],
    ),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_rules_are_refused_for(case: str, tmp_path: Path) -> None:
    files, place, words = BROKEN_FILES[case]
    (problem,) = refusals(write(tmp_path, files))
    assert problem.startswith(f"{place}: ")
    assert all(word in problem for word in words), problem


def test_watchdog_may_have_the_severity_that_notifies_nobody(tmp_path: Path) -> None:
    files = {"rules/platform/w.yaml": WATCHDOG, "docs/runbooks/Watchdog.md": "Look."}
    book = load(write(tmp_path, files))
    severities = {alert.name: alert.severity for alert in book.alerts}
    assert severities == {"Hot": "warning", "Watchdog": "none"}
    assert book.siblings == ()


def test_the_valid_project_that_these_cases_break_is_accepted(tmp_path: Path) -> None:
    book = load(write(tmp_path, {}))
    assert [alert.name for alert in book.alerts] == ["Hot"]


def test_two_real_alert_files_glued_together_are_refused(tmp_path: Path) -> None:
    """This happened: the second `groups:` key put Prometheus into CrashLoopBackOff."""
    real = Path(__file__).parents[3] / "rules/alerts"
    first, second = (path.read_text() for path in sorted(real.glob("*.yaml")))
    glued = write(tmp_path, {ALERT_FILE: first + second})
    line = [n for n, text in enumerate((first + second).splitlines(), 1) if text == "groups:"]
    (problem,) = refusals(glued)
    assert problem.startswith(f"{ALERT_FILE}:{line[1]}: the key `groups` is already on line")
    assert f"line {line[0]}." in problem
    assert "keep them as two files" in problem


def test_all_problems_of_all_files_are_reported_together(tmp_path: Path) -> None:
    files = {
        ALERT_FILE: ALERTS.replace("> 5", ">").replace("warning", "loud"),
        "rules/alerts/b.yaml": ALERTS.replace("expr:", "exrp:").replace("heat", "cold"),
        RECORD_FILE: RECORDS.replace("avg by", "average by"),
    }
    places = [problem.split(": ")[0] for problem in refusals(write(tmp_path, files))]
    assert places == [
        f"{ALERT_FILE}:6",
        f"{ALERT_FILE}:9",
        "rules/alerts/b.yaml:6",
        f"{RECORD_FILE}:5",
    ]


def test_a_file_that_cannot_be_read_does_not_make_its_metrics_unknown(tmp_path: Path) -> None:
    uses_it = ALERTS.replace("oven_heat > 5", "oven:heat:avg > 5").replace("$labels.pod", "$value")
    files = {ALERT_FILE: uses_it, RECORD_FILE: RECORDS + "a: 1\na: 2\n"}
    (problem,) = refusals(write(tmp_path, files))
    assert problem.startswith(f"{RECORD_FILE}:7: ")


def test_a_recorded_series_that_does_not_parse_is_reported_once(tmp_path: Path) -> None:
    files = {
        ALERT_FILE: ALERTS.replace("oven_heat > 5", "oven:heat:avg > 5"),
        RECORD_FILE: RECORDS.replace("avg by", "avg by by"),
    }
    (problem,) = refusals(write(tmp_path, files))
    assert problem.startswith(f"{RECORD_FILE}:5: ")


def test_a_problem_is_one_printable_line_of_at_most_500_characters(tmp_path: Path) -> None:
    name = "a\\n\\x1b[31m" + "b" * 10_000
    files = {ALERT_FILE: ALERTS.replace("for: 5m", f'for: "{name}"')}
    (problem,) = refusals(write(tmp_path, files))
    assert problem.isprintable()
    assert "`a \\x1b[31mbbb" in problem
    assert len(problem) <= 500


def test_the_number_of_problems_reported_is_bounded(tmp_path: Path) -> None:
    files = {ALERT_FILE: "a: 1\n" * 5000}
    problems = refusals(write(tmp_path, files))
    assert len(problems) == 101
    assert problems[-1] == "... and 4899 more problems."
