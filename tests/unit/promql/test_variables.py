"""Grafana's variables are replaced, so that a PromQL parser can read a dashboard's query."""

import pytest

from promql.expressions import parse
from promql.variables import replace_variables, without_variables


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ('up{pod=~"$pod"}', 'up{pod=~"pod"}'),
        ('up{pod=~"${pod:regex}"}', 'up{pod=~"pod"}'),
        ('up{pod=~"[[pod]]"}', 'up{pod=~"pod"}'),
        ('up{pod=~"[[pod:regex]]"}', 'up{pod=~"pod"}'),
        ("rate(a_total[$__rate_interval])", "rate(a_total[5m])"),
        ("rate(a_total[${__interval}])", "rate(a_total[5m])"),
        ("max_over_time(up[$__range:1m])", "max_over_time(up[5m:1m])"),
        ("increase(a_total[5m]) / $__range_s", "increase(a_total[5m]) / 300"),
        ("up * $__interval_ms", "up * 300"),
        ("label_values(up, pod)", "up"),
        ('label_values(up{job=~"a,b", pod!=""}, pod)', 'up{job=~"a,b", pod!=""}'),
        ("label_values(pod)", "vector(0)"),
        ('up{pod=~"psi-field-.*$"}', 'up{pod=~"psi-field-.*$"}'),
        ("up{pod=~'[[:alpha:]]'}", "up{pod=~'[[:alpha:]]'}"),
        (
            'label_replace(up, "a", "$1", "pod", "(.*)")',
            'label_replace(up, "a", "$1", "pod", "(.*)")',
        ),
    ],
)
def test_variables_are_replaced(expr: str, expected: str) -> None:
    assert without_variables(expr) == expected
    parse(expected)


def test_a_variable_without_a_value_is_kept() -> None:
    assert replace_variables("m{a='$pod', b='[[job]]'}", {"job": "y"}.get) == "m{a='$pod', b='y'}"
