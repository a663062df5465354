"""PromQL expressions: parsing, selectors, comparisons, ranges and labels."""

import pytest

from promql.expressions import PromqlError, parse
from promql.labels import Labels, result_labels

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
    ],
)
def test_an_expression_is_accepted(text: str) -> None:
    assert parse(text).selectors


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no expression"),
        ("m{", "does not parse"),
        ("sum(m", "unclosed left parenthesis"),
        ("rate(m)", "expected type matrix"),
        ("nosuch(m)", "unknown function"),
        ("m > $limit", "variable $limit"),
        ("rate(m[$__rate_interval])", "variable $__rate_interval"),
        ('m{a="$pod"}', "variable $pod"),
        ('m{a=~"x|[[pod]]"}', "variable [[pod]]"),
        ('m{a="x" or b="${pod:regex}"}', "variable ${pod"),
        ("m @ 1e300", "impossible time"),
        ("m offset Inf", "impossible time"),
        ("m[1e400]", "impossible time"),
        ("m[5m:NaN]", "impossible time"),
        ("(" * 3000, "too deeply nested"),
        ("-" * 3000 + "m", "too deeply nested"),
        ("m" + " + m" * 2000, "too long"),
        ("m" * 5000, "too long"),
        ("\x00", "does not parse"),
        ("\ud800", "does not parse"),
    ],
)
def test_an_expression_is_refused_with_a_reason_on_one_line(text: str, reason: str) -> None:
    with pytest.raises(PromqlError) as caught:
        parse(text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


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
        ("limitk(1, m)", "abc"),
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
        ('histogram_quantiles(rate(h_bucket[5m]), "q", 0.5, 0.9)', "aq"),
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
    assert result_labels(parse(text), METRICS.__getitem__) == frozenset(labels)


@pytest.mark.parametrize(
    "text",
    ["ALERTS", "m or ALERTS", "sum without (a) (ALERTS)", "rate({a='x'}[5m])", "info(m)"],
)
def test_labels_that_cannot_be_known_are_none(text: str) -> None:
    assert result_labels(parse(text), METRICS.__getitem__) is None


def test_an_aggregation_makes_unknown_labels_known() -> None:
    assert result_labels(parse("sum by (x) (ALERTS)"), METRICS.__getitem__) == {"x"}
