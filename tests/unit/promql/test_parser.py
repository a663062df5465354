"""Texts become trees as the grammar of Prometheus reads them."""

import math

import pytest

from promql.functions import ValueType
from promql.parser import parse_tree
from promql.tree import (
    Aggregation,
    At,
    Binary,
    Matcher,
    MatrixSelector,
    Node,
    Number,
    Paren,
    String,
    Subquery,
    VectorSelector,
    fold,
    nodes,
)


def shape(text: str) -> str:
    """The tree of an expression without its parentheses."""

    def describe(node: Node, operands: list[str]) -> str:
        if isinstance(node, Paren):
            return operands[0]
        own = getattr(node, "metric", None) or getattr(node, "value", type(node).__name__)
        return f"({getattr(node, 'operator', own)} {' '.join(operands)})"

    return fold(nodes(parse_tree(text)), describe)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a or b and c", "a or (b and c)"),
        ("a and b unless c and d", "((a and b) unless c) and d"),
        ("a and b == c", "a and (b == c)"),
        ("a == b > c", "(a == b) > c"),
        ("a </ b + c", "a </ (b + c)"),
        ("a - b - c", "(a - b) - c"),
        ("a - b * c", "a - (b * c)"),
        ("a / b * c % d atan2 e", "(((a / b) * c) % d) atan2 e"),
        ("a * b ^ c", "a * (b ^ c)"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("-a ^ b", "-(a ^ b)"),
        ("-a * b", "(-a) * b"),
        ("a ^ -b ^ c * d", "(a ^ (-(b ^ c))) * d"),
        ("- -a + b", "(-(-a)) + b"),
        ("-a offset 5m", "-(a offset 5m)"),
        ("a + b offset 5m", "a + (b offset 5m)"),
        ("a offset -5m ^ b", "(a offset -5m) ^ b"),
        ("sum(a) by (b) / c", "(sum by (b) (a)) / c"),
    ],
)
def test_operators_bind_as_in_prometheus(text: str, same: str) -> None:
    assert shape(text) == shape(same)
    assert shape(text) != shape("a")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_000", 1000),
        ("0x1F", 31),
        ("017", 15),
        ("08.5", 8.5),
        ("5.", 5),
        ("1e-3", 0.001),
        ("-iNf", -math.inf),
        ("- -2", 2),
        ("1h30m", 5400),
        ("5ms", 0.005),
        ("9223372036854775808", 2**63),
        ("01777777777777777777777777", 1.777777777777777777777777e24),
    ],
)
def test_a_number_has_its_value(text: str, value: float) -> None:
    tree = parse_tree(text)
    assert isinstance(tree, Number)
    assert tree.value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a b"', "a b"),
        (r"'\'\n\\'", "'\n\\"),
        (r'"\x41\101\u00e9\U0001F600"', "AAé😀"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\udcff"),
        (r"`\d`", r"\d"),
        ("`a\nb`", "a\nb"),
    ],
)
def test_a_string_has_its_value(text: str, value: str) -> None:
    tree = parse_tree(text)
    assert isinstance(tree, String)
    assert tree.value == value


@pytest.mark.parametrize("text", [r'"\d"', r'"\""x', r'"\400"', r'"\ud800"', r"'\"'", '"\ufffd"'])
def test_a_string_that_prometheus_can_t_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a string holds|can't stand here"):
        parse_tree(text)


@pytest.mark.parametrize(
    ("text", "offset", "at"),
    [
        ("m", 0, None),
        ("m offset 1h", 3_600_000, None),
        ("m OFFSET -5m", -300_000, None),
        ("m offset -(5m)", -300_000, None),
        ("m offset - # not - thrice\n -5m", 300_000, None),
        ("m offset 90", 90_000, None),
        ("m offset 1.5", 1500, None),
        ("m @ 1.6e9", 0, 1.6e9),
        ("m @ -5m offset 1s", 1000, -300),
        ("m @ START()", 0, "start"),
        ("m offset 0s offset 1s @ end()", 1000, "end"),
    ],
)
def test_a_selector_has_its_offset_and_time(text: str, offset: int, at: At) -> None:
    tree = parse_tree(text)
    assert isinstance(tree, VectorSelector)
    assert (tree.offset, tree.at) == (offset, at)


@pytest.mark.parametrize(
    ("text", "length", "step"),
    [
        ("m[5m]", 300_000, None),
        ("m[ + 300 ] offset 1h", 300_000, None),
        ("m @ start()[1h]", 3_600_000, None),
        ("m[1h:]", 3_600_000, 0),
        ("rate(m[5m])[1h : 30s] @ 5", 3_600_000, 30_000),
        ("(m)[1_0:1s]", 10_000, 1000),
    ],
)
def test_a_range_has_its_length_and_step(text: str, length: int, step: int | None) -> None:
    tree = parse_tree(text)
    if step is None:
        assert isinstance(tree, MatrixSelector)
        assert tree.range == length
    else:
        assert isinstance(tree, Subquery)
        assert (tree.range, tree.step or 0) == (length, step)


@pytest.mark.parametrize(
    ("text", "metric", "matchers"),
    [
        ("m", "m", []),
        ("sum", "sum", []),
        ("by{a='b'}", "by", [("a", "=", "b")]),
        ('{a!="b", "m" , }', "m", [("a", "!=", "b")]),
        ('{__name__="m", __name__!="n"}', "m", [("__name__", "!=", "n")]),
        ('{"k8s.pod"=~"a.*"}', None, [("k8s.pod", "=~", "a.*")]),
        ("{inf !~ `x`, # comment\n on='1'}", None, [("inf", "!~", "x"), ("on", "=", "1")]),
    ],
)
def test_a_selector_has_its_metric_and_matchers(
    text: str, metric: str | None, matchers: list[tuple[str, str, str]]
) -> None:
    tree = parse_tree(text)
    assert isinstance(tree, VectorSelector)
    assert tree.metric == metric
    assert [*map(tuple, tree.matchers)] == matchers
    assert all(isinstance(matcher, Matcher) for matcher in tree.matchers)


def test_an_operation_knows_how_it_matches() -> None:
    tree = parse_tree('a == bool on (x, "y z",) group_left (bool) b')
    assert isinstance(tree, Binary)
    assert tree.returns_bool
    assert tree.matching == ("many-to-one", True, ("x", "y z"), ("bool",))
    ignoring, sets, number = map(
        parse_tree, ("a - ignoring () b", "a and on () b", "a + on () group_right (x) 1")
    )
    assert isinstance(ignoring, Binary) and isinstance(sets, Binary) and isinstance(number, Binary)
    assert ignoring.matching == ("one-to-one", False, (), ())
    assert sets.matching == ("many-to-many", True, (), ())
    assert number.matching is None


def test_an_aggregation_knows_its_labels_and_parameter() -> None:
    tree = parse_tree('count_values without (a, "b c") ("v", m)')
    assert isinstance(tree, Aggregation)
    assert (tree.operator, tree.without, tree.grouping) == ("count_values", True, ("a", "b c"))
    assert isinstance(tree.param, String) and tree.param.value == "v"
    assert parse_tree("SUM(m) by (a)") == parse_tree("sum by (a) (m)")


@pytest.mark.parametrize(
    ("text", "value_type"),
    [
        ("m", "vector"),
        ("(m[5m])", "matrix"),
        ("m[5m:]", "matrix"),
        ("-(1 + time())", "scalar"),
        ("1 > bool 2", "scalar"),
        ("1 </ 2", "scalar"),
        ("m + 1", "vector"),
        ("('a')", "string"),
        ("scalar(m)", "scalar"),
        ("vector(1)", "vector"),
    ],
)
def test_an_expression_has_the_type_of_its_value(text: str, value_type: ValueType) -> None:
    assert parse_tree(text).value_type == value_type


@pytest.mark.parametrize(
    "text",
    [
        "sum by (a) (rate(m{x='y'}[5m:] offset 1h)) * on (a) group_left () -n @ 5",
        "max_over_time((sum(m) without (a))[1h:5m] @ end()) > bool - 0.5",
        "clamp(# comment\n m , 1 , time ( ) )",
    ],
)
def test_each_node_spans_its_own_text(text: str) -> None:
    for node in nodes(parse_tree(text)):
        start, end = node.span
        assert parse_tree(text[start:end]) == node
