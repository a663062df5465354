"""Patterns and strings of PromQL in rule files are read as the server reads them."""

from pathlib import Path

import pytest

from tests.support.rules.rule_project import ALERT_FILE, ALERTS, load, refusals, write

TAKEN = (
    r"pod=~`a\.b-[\w-.]+`",
    r"pod=~`\Qa.b\E`",
    r'pod=~"a\\.b"',
    'pod=~"[^[]+"',
    'pod=~"(foo$bar|x)"',
    'pod!="C:$Recycle"',
    "pod=~'x{1000}'",
    "pod=~`[[:word:]]+`",
    'pod=~""',
)
REFUSED = {
    'pod=~"a++"': "`++` repeats a repetition, which RE2 can't",
    'pod=~"*"': "it repeats nothing. Write .* for any text",
    'pod!~"(?!a).*"': "`(?!` is not in RE2, which can't look ahead or behind",
    'pod=~"(?x)a"': "`(?x` is not in RE2",
    'pod=~"[[:foo:]]"': "`[:foo:]` is no class or range",
    'pod=~"x{1001}"': "`{1001}` is no count",
    r'pod=~"a\.b"': r"a string holds \., which is no escape sequence",
}


def project(folder: Path, matcher: str) -> Path:
    expr = f"oven_heat{{{matcher}}} > 5"
    text = ALERTS.replace("expr: oven_heat > 5", f"expr: |-\n          {expr}")
    assert expr in text
    return write(folder, {ALERT_FILE: text})


@pytest.mark.parametrize("matcher", TAKEN)
def test_a_pattern_that_the_server_takes_is_accepted(matcher: str, tmp_path: Path) -> None:
    (alert,) = load(project(tmp_path, matcher)).alerts
    assert matcher in alert.fields.expr


@pytest.mark.parametrize("matcher", REFUSED)
def test_a_pattern_that_the_server_refuses_is_refused(matcher: str, tmp_path: Path) -> None:
    (line,) = refusals(project(tmp_path, matcher))
    assert line.startswith(f"{ALERT_FILE}:6: `expr` of Hot does not parse at column 1")
    assert REFUSED[matcher] in line
