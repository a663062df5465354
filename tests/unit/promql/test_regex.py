"""Regular expressions are compiled as Prometheus and Alertmanager compile them."""

import pytest

from promql.regex import RegexError, Use, compile_regex, matches

VALID = (
    *("", ".*", "prod-.+", r"[\w-.]+", "[^[]", r"\Qa.b\E", r"a\z", "(?i)api", "(?P<pod>.+)"),
    *("(?<pod>.+)", "(a)(?P<n>b)(?P<n>c)", "[[:word:]]", r"\p{Greek}", r"\pL{1000}", "x{1000}"),
    *(
        "a{,3}",
        "{",
        "]",
        r"\x{1F600}",
        r"\_",
        r"[[:^alpha:]\d]",
        ".{1000}" * 100,
        "$host",
        "a{099999999999}",
    ),
)
INVALID = {
    "/**": "`**` repeats a repetition, which RE2 can't. Write one of the two.",
    "a++": "`++` repeats a repetition, which RE2 can't. Write one of the two.",
    "*": r"it repeats nothing. Write .* for any text, or \* for the character.",
    "a|*": r"`*` repeats nothing. Write .* for any text, or \* for the character.",
    "x{1001}": "`{1001}` is no count. Write at most 1000 in all, the smaller number first.",
    "(a{100}){11}": "`{11}` is no count. Write at most 1000 in all, the smaller number first.",
    "x{99999999999}": "`{99999999999}` is no count. Write at most 1000 in all, the smaller number "
    "first.",
    "(?x)a": "`(?x` is not in RE2, which can't look ahead or behind. Write it without; to exclude "
    "something, use another matcher with !~.",
    "[[:foo:]]": "`[:foo:]` is no class or range. Write [a-z], [[:alpha:]] or \\p{Lu}.",
    r"\Z": r"it is no escape of RE2. Write \\ for a backslash, \z for the end; references to "
    "groups don't exist.",
    r"a\C": r"`\C` is no escape of RE2. Write \\ for a backslash, \z for the end; references to "
    "groups don't exist.",
    "(a": r"it has no closing parenthesis. Add ), or write \( for the character.",
    "a)(b": r"it closes a parenthesis that nothing opens. Remove it, or write \) instead.",
    "[a": r"it has no closing bracket. Add ], or write \[ for the character.",
    "a\\": r"it ends with a single backslash. Write \\ for the character.",
    "(?P<é>a)": "`(?P<é>` is no name of a group. Write (?P<name>...) with letters, digits and _.",
    "(" * 101 + ")" * 101: "it nests too many parentheses. Write fewer.",
    "(?:" + "ab" * 2000 + "){1000}": "it is too large. Repeat less.",
    "\udcff": "it is not UTF-8. Write characters instead of bytes.",
}


@pytest.mark.parametrize("pattern", VALID)
@pytest.mark.parametrize("use", Use)
def test_what_go_compiles_is_accepted(pattern: str, use: Use) -> None:
    compile_regex(pattern, use)


@pytest.mark.parametrize("pattern", INVALID)
@pytest.mark.parametrize("use", Use)
def test_what_go_refuses_is_refused_with_advice(pattern: str, use: Use) -> None:
    with pytest.raises(RegexError) as caught:
        compile_regex(pattern, use)
    shown, _, advice = str(caught.value).partition(" is not a regular expression: ")
    assert advice == INVALID[pattern]
    assert shown == f"`{pattern}`" if len(pattern) <= 60 else shown.endswith("...`")


def test_a_quotation_without_end_is_refused_where_the_server_appends_to_the_pattern() -> None:
    for use in (Use.RELABELLING, Use.ALERTMANAGER):
        with pytest.raises(RegexError, match=r"`\\Qa` .* begins a quotation that never ends"):
            compile_regex(r"\Qa", use)
    assert matches(r"\Qa", "a", Use.MATCHER)
    assert matches(r"\Qa", "ba", Use.SEARCH)


def test_a_class_of_unicode_is_refused_where_the_server_does_not_know_its_name() -> None:
    for pattern in (r"\p{Old_Italic}", r"[a\p{Old_Italic}]"):
        compile_regex(pattern, Use.MATCHER)
        for use in set(Use) - {Use.MATCHER}:
            with pytest.raises(RegexError, match="is no class of Unicode that each server knows"):
                compile_regex(pattern, use)


def test_a_pattern_matches_the_whole_text_except_in_a_search() -> None:
    for use in Use:
        assert matches("a.c", "abc", use)
        assert matches("b", "abc", use) == (use is Use.SEARCH)


def test_a_dot_matches_a_line_break_in_prometheus_alone() -> None:
    assert [use for use in Use if matches("a.c", "a\nc", use)] == [Use.MATCHER, Use.RELABELLING]
