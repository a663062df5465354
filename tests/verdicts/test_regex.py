"""The servers compile the regular expressions that we compile, and both match the same texts."""

import json
import re

import pytest
from hypothesis import strategies as st

from promql.regex import Use, matches
from tests.support.server_tests import source
from tests.support.verdicts import Comparison, Verdict, examples
from tests.verdicts.kinds import REGEXES

GENERATED = 3000
PARTS = (
    *"ab.*+?|()[]{}^$-,:1 09=!<>\\/#é世",
    *(r"\d", r"\W", r"\s", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\C", r"\Q", r"\E", r"\pN", r"\pn"),
    *(r"\p{Greek}", r"\P{^Greek}", r"\p{greek}", r"\p{Old_Italic}", r"\p{Foo}", r"\p{}", r"\p{LC}"),
    *(r"\x41", r"\x{1F600}", r"\x{110000}", r"\x{1001}", r"\x4", r"\0", r"\1", r"\12", r"\777"),
    *(r"\a", r"\f", r"\v", r"\e", r"\_", r"\-", r"\.", r"\[", r"\é", "(?i)", "(?i:", "(?s)"),
    *("(?m:", "(?U)", "(?x)", "(?-i)", "(?i-s:", "(?:", "(?P<n>", "(?<n>", "(?P<n>a)", "(?<m>b)"),
    *("(?P<é>", "(?P<>", "(?=", "(?!", "(?<=", "(?P=n)", "(?#", "(?>", "{2}", "{2,}", "{,3}"),
    *("{3,2}", "{1000}", "{1001}", "{0,0}", "{01}", "{1000000000000}", ".*", ".*?", "a++", "a**"),
    *("[a-z]", "[^a]", "[z-a]", "[[:alpha:]]", "[[:^alpha:]]", "[[:foo:]]", "[:alpha:]", "[^[]"),
    *(r"[\w-.]", r"[\d-z]", r"[a-\d]", "[]", "[]a]", "[^]]", "[a-]", r"[\]]", r"[\Q]", r"[\b]"),
    *(r"[\C]", r"[\pN]", r"[\p{Old_Italic}]", "\u017f", "prod-", "$1", "$host", r"\$", r"\Qa.b\E"),
    *("(a|b)+", "(a{500}){3}", "(a{30}){30}"),
)
PATTERNS = st.lists(st.sampled_from(PARTS), max_size=10).map("".join)
TEXTS = (
    *(
        "",
        "a",
        "b",
        "ab",
        "aa",
        "A",
        "a\nb",
        "\n",
        "é",
        "\u017f",
        "K",
        "0",
        "12",
        "prod-a",
        "a.b",
        "世",
    ),
    *("\u03b1", "[", "]", "-", "_", "S", "\u212a", "x" * 30),
)
QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')


def of_the_servers_tests() -> list[str]:
    """Every string in the server's tests of its matchers, many of which are patterns."""
    text = source("prometheus", "model/labels/regexp_test.go").read_text()
    found = []
    for quoted in QUOTED.findall(text):
        try:
            found.append(quoted[1:-1] if quoted[0] == "`" else json.loads(quoted))
        except ValueError:
            continue  # An escape that JSON does not have.
    return found


@pytest.mark.parametrize("use", Use)
def test_generated_patterns_are_judged_alike(use: Use, compare: Comparison) -> None:
    compare(REGEXES[use], examples(PATTERNS, GENERATED))


@pytest.mark.parametrize("use", Use)
def test_patterns_of_the_servers_own_tests_are_judged_alike(use: Use, compare: Comparison) -> None:
    compare(REGEXES[use], of_the_servers_tests())


@pytest.mark.parametrize("use", Use)
def test_a_pattern_matches_the_same_texts(use: Use, compare: Comparison) -> None:
    kind = REGEXES[use]
    patterns = [text for text in examples(PATTERNS, GENERATED) if kind.refusal(text) is None]
    assert len(patterns) > GENERATED / 10
    answers = compare.ask(kind.server, [question(pattern, use) for pattern in patterns])
    wrong = [
        pattern
        for pattern, answer in zip(patterns, answers, strict=True)
        if matched(answer) != [matches(pattern, text, use) for text in TEXTS]
    ]
    assert not wrong


def question(pattern: str, use: Use) -> dict[str, object]:
    """A question that asks which of TEXTS the pattern matches."""
    if use is Use.SEARCH:
        calls = [f"match {json.dumps(pattern)} {json.dumps(text)}" for text in TEXTS]
        branches = [f"{{{{ if {call} }}}}y{{{{ else }}}}n{{{{ end }}}}" for call in calls]
        return {"kind": "template", "text": "".join(branches)}
    return {**REGEXES[use].question(pattern), "values": list(TEXTS)}


def matched(answer: Verdict) -> list[bool]:
    expansion = answer.more.get("expansion")
    return answer.more["matches"] if expansion is None else [one == "y" for one in expansion]
