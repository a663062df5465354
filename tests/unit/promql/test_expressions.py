"""PromQL expressions: parsing, selectors, comparisons, ranges and labels."""

import pytest

from promql.errors import PromqlError
from promql.expressions import parse
from promql.labels import Labels
from tests.support.series import labels_of_result

METRICS: dict[str, Labels] = {
    "m": frozenset({"a", "b", "c"}),
    "n": frozenset({"a", "d"}),
    "h_bucket": frozenset({"a", "le"}),
    "ALERTS": None,
}


@pytest.mark.parametrize(
    "text",
    [
        "m",
        'm{a=~"x|y$", b!=""}',
        "m @ 1609746000 offset -5m",
        "rate(m[5m] @ end())",
        "max_over_time(rate(m[5m])[1h:30s])",
        'label_replace(m, "a", "$1", "b", "(.*)")',
        "sum by (a) (m) > bool 5  # a comment with a $variable",
        "m and on (a) n unless absent(n)",
        "topk(3, m)",
        "psi:info:avg * 2",
        "m / ignoring (a) group_left (a) n",
        '{a!=""}',
        '{a=~".+"}',
        '{a!~""}',
        'm{path="/price/$usd"}',
    ],
)
def test_an_expression_is_accepted(text: str) -> None:
    assert parse(text).selectors


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no expression"),
        ("# nothing", "no expression"),
        ("m{", "column 3: the expression ends too early"),
        ("m{a=b}", "column 5: `b` can't stand here"),
        ("m{a}", "column 3: the label a has no value"),
        ('m{a="b" c="d"}', "column 9: `c` can't stand here"),
        ('m{a="\\d"}', "column 5: a string holds \\d, which is no escape sequence"),
        ("m{a='x}", "column 5: `'` can't stand here. Close the string"),
        ('m{__name__="n"}', "column 1: the metric has two names, m and n"),
        ('{a=~"x*"}', "column 1: the selector fits all series"),
        ('m{a=~"x)"}', "column 6: `x)` is not a regular expression"),
        ("sum(m", "column 4: this parenthesis is not closed. Add )."),
        ("sum(m))", "column 7: this parenthesis closes nothing"),
        ("m\n  + (n", "line 2, column 5: this parenthesis is not closed"),
        ("m = 1", "column 3: `=` can't stand here. Write == to compare"),
        ("m && n", "Write `and`"),
        ("m `a\nb`", "line 1, column 3: ``a b`` can't stand here"),
        ("m '" + "a" * 500 + "'", "aaa...` can't stand here. Write an operator before it."),
        ("m n", "column 3: `n` can't stand here. Write an operator before it."),
        ("m adn n", "Did you mean `and`?"),
        ("m +", "column 4: the expression ends too early"),
        ("m + * n", "column 5: `*` can't stand here. Write a metric"),
        ("clamp_min(m, 1,)", "column 16: `)` can't stand here. Remove the comma"),
        ("rate(m)", "column 6: rate() takes a range vector as argument 1, not an instant vector"),
        ("m[5m] + 1", "`+` takes scalars and instant vectors, not a range vector"),
        ("-m[5m]", "`-` takes scalars and instant vectors, not a range vector"),
        ("ratee(m[5m])", "there is no function ratee. Did you mean `rate`?"),
        ("Rate(m[5m])", "there is no function Rate. Write rate."),
        ("first_over_time(m[5m])", "first_over_time() is not enabled on this server"),
        ("limitk(1, m)", "limitk() is not enabled on this server"),
        ("m + fill(0) n", "fill() is not enabled on this server"),
        ("m smoothed", "this server does not enable `smoothed`"),
        ("m[5m + 1m]", "column 6: `+` can't stand here. This server does not enable calculations"),
        ("m offset --5m * 2", "This server does not enable calculations with durations"),
        ("clamp(m)", "clamp() takes 3 arguments, not 1. Write 3."),
        ("round(m, 1, 2)", "round() takes at most 2 arguments, not 3."),
        ('label_join(m, "a")', "label_join() takes at least 3 arguments, not 2."),
        ("time(1)", "time() takes no arguments, not 1. Write none."),
        ("topk(m)", "topk() takes 2 arguments, not 1"),
        ("1 > 2", "two scalars are compared. Write `> bool`."),
        ("m + bool n", "`+` is no comparison. Remove `bool`."),
        ("m and 1", "`and` takes instant vectors, not a scalar"),
        ("m and on (a) group_left n", "`and` takes no `group_left` or `group_right`"),
        ("m + on (a) 1", "only two instant vectors can be matched by labels"),
        ("m + on (a) group_left (a) n", "the label a stands in `on` and in `group_left`"),
        ("sum by a (m)", "column 8: `a` can't stand here. Write the labels in parentheses."),
        ("sum by (a b) (m)", "column 11: `b` can't stand here. Write labels in parentheses"),
        ("sum by (without) (m)", '`without` is no label here. Write "without".'),
        ('sum by ("") (m)', '"" is no label'),
        (r'sum by ("\xff") (m)', r'"\xff" is no label'),
        ("m offset 1h[5m]", "`offset` stands before the range"),
        ("m @ 5 [5m]", "`@` stands before the range"),
        ("sum(m)[5m]", "a range can only follow a selector. Write [5m:]"),
        ("m[5m][5m:]", "a subquery needs an instant vector, not a range vector"),
        ("m offset 1h offset 1h", "there are two offsets"),
        ("m @ 5 @ 6", "there are two times"),
        ("sum(m) offset 1h", "an offset can only follow a selector"),
        ("m[0s]", "a range or step is 0 or less"),
        ("bool", "`bool` can't stand here"),
        ("on", "`on` can't stand here"),
        ("(m, n)", "column 3: `,` can't stand here"),
        ('{a!="x"}', "column 1: the selector fits all series"),
        ('{a!~"x"}', "column 1: the selector fits all series"),
        ("0x8000000000000000", "the number 0x8000000000000000 is too large"),
        ("m > $limit", "variable $limit"),
        ("rate(m[$__rate_interval])", "variable $__rate_interval"),
        ('m{a="$pod"}', "variable $pod"),
        ('m{a=~"[[pod]]"}', "variable [[pod]]"),
        ('m{b="${pod:regex}"}', "variable ${pod"),
        ("m @ 1e300", "the time after @ is impossible"),
        ("m offset Inf", "longer than Prometheus can count"),
        ("m[1e400]", "the number 1e400 is too large"),
        ("m[5m:NaN]", "column 6: `NaN` can't stand here"),
        ("(" * 3000, "column 3001: the expression ends too early"),
        ("\x00", "does not parse at column 1"),
        ("\ud800", "does not parse at column 1"),
    ],
)
def test_an_expression_is_refused_with_a_reason_on_one_line(text: str, reason: str) -> None:
    with pytest.raises(PromqlError) as caught:
        parse(text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["(" * 3000 + "m" + ")" * 3000, "-" * 3000 + "m", "m" + " + m" * 3000]
)
def test_an_expression_of_any_depth_is_read(text: str) -> None:
    expression = parse(text)
    assert expression.selectors[0].metric == "m"
    assert expression.canonical == parse(f" {text}").canonical
    assert labels_of_result(text, METRICS) == METRICS["m"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SUM(m) BY (a)", "sum by(a)(m)"),
        ("m{a='x',}", 'm{a="x"}'),
        ('{"m"}', "m # a comment"),
        ("rate(m[300])", "rate(m[5m])"),
        ("m > Inf", "m > +inf"),
    ],
)
def test_expressions_that_differ_in_spelling_alone_are_the_same(first: str, second: str) -> None:
    assert parse(first).canonical == parse(second).canonical


@pytest.mark.parametrize(
    ("first", "second"),
    [("m + n", "n + m"), ("m", "m offset 1s"), ("sum by (a) (m)", "sum without (a) (m)")],
)
def test_expressions_that_mean_something_else_differ(first: str, second: str) -> None:
    assert parse(first).canonical != parse(second).canonical


@pytest.mark.parametrize(
    ("text", "name"),
    [("m{a='x'}", "m"), ('{__name__="m"}', "m"), ('{"m"}', "m"), ('{a="x"}', None)],
)
def test_a_selector_names_its_metric(text: str, name: str | None) -> None:
    (selector,) = parse(text).selectors
    assert selector.metric == name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("m > 0.7", ["0.7"]),
        ("m > bool 0.70", ["0.70"]),
        ("m<0.7 or m>=0.9", ["0.7"]),
        ("m < -0.7", []),
        ("m > 0.7 * n", []),
        ("m * 0.7 > 1", []),
        ("0.7 < m", []),
        ("m > 0.7 or n != 7e-1", ["0.7", "7e-1"]),
        ('m{a="> 0.7"} > 1 # > 0.7', []),
        ('m{a=~"0.7"} == 0.7', ["0.7"]),
    ],
)
def test_a_number_is_found_as_the_right_operand_of_a_comparison(
    text: str, found: list[str]
) -> None:
    assert [text[start:end] for start, end in parse(text).comparisons(0.7)] == found


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("up", []),
        ("rate(a_total[5m])", [300_000]),
        ("rate(a_total[5m] offset 1h)", [3_900_000]),
        ("max_over_time(up[1d:5m] offset 1h) > 1 or rate(a_total[1h])", [3_600_000, 90_000_000]),
    ],
)
def test_the_length_of_a_range_includes_its_offset(text: str, milliseconds: list[int]) -> None:
    assert sorted(parse(text).ranges) == milliseconds


def test_a_parsed_expression_is_kept() -> None:
    assert parse("sum(kept)") is parse("sum(kept)")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("m", "abc"),
        ("m offset 5m", "abc"),
        ("-(m)", "abc"),
        ("rate(m[5m])", "abc"),
        ("max_over_time(sum by (a) (m)[5m:])", "a"),
        ("quantile_over_time(0.9, m[5m])", "abc"),
        ("clamp(m, 0, 1)", "abc"),
        ("sum(m)", ""),
        ("sum by (a, x) (m)", "a"),
        ("sum by () (m)", ""),
        ("sum without (a) (m)", "bc"),
        ("topk by (a) (1, m)", "abc"),
        ('count_values by (a) ("v", m)', "av"),
        ("m > 1", "abc"),
        ("1 < m", "abc"),
        ("m > bool scalar(n)", "abc"),
        ("m > bool m", "abc"),
        ("time() - m", "abc"),
        ("m + m", "abc"),
        ("m / on (a) n", "a"),
        ("m > on (a) n", "a"),
        ("m / ignoring (b, c, d) n", "a"),
        ("m * on (a) group_left (d) n", "abcd"),
        ("n * on (a) group_right (d) m", "abcd"),
        ("m and on (a) n", "abc"),
        ("m unless n", "abc"),
        ("m or n", "abcd"),
        ("sum by (a) (m) or n", "ad"),
        ("absent(m)", ""),
        ('absent(m{x="1", y=~"2", z!="3"})', "x"),
        ('absent(m{x="1", x!="2"})', ""),
        ('absent_over_time(m{x="1"}[5m])', "x"),
        ('absent((m{x="1"}))', "x"),
        ("absent(sum by (a) (m))", ""),
        ('m or absent(m{x="1"})', "abcx"),
        ('label_replace(m, "x", "$1", "a", "(.*)")', "abcx"),
        ('label_join(sum by (a) (m), "x", ",", "a")', "ax"),
        ("histogram_quantile(0.9, rate(h_bucket[5m]))", "a"),
        ("scalar(m)", ""),
        ("vector(1)", ""),
        ("sum(m) or vector(0)", ""),
        ("hour()", ""),
        ("hour(m)", "abc"),
        ("sort_desc(m)", "abc"),
        ("1 + 2", ""),
    ],
)
def test_the_labels_of_a_result_are_known(text: str, labels: str) -> None:
    assert labels_of_result(text, METRICS) == frozenset(labels)


@pytest.mark.parametrize(
    "text",
    ["ALERTS", "m or ALERTS", "sum without (a) (ALERTS)", "rate({a='x'}[5m])"],
)
def test_labels_that_cannot_be_known_are_none(text: str) -> None:
    assert labels_of_result(text, METRICS) is None


def test_an_aggregation_makes_unknown_labels_known() -> None:
    assert labels_of_result("sum by (x) (ALERTS)", METRICS) == {"x"}
