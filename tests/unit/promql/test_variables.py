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
        ('label_values(up{job="$job"}, $label)', 'up{job="job"}'),
        ("query_result(topk($k, up))", "topk(1, up)"),
        ("label_names()", "vector(0)"),
        ("metrics(psi_.*)", "vector(0)"),
        ("rate(a_total[$interval])", "rate(a_total[5m])"),
        ("rate(a_total[[[interval]]])", "rate(a_total[5m])"),
        ("rate(a_total[${window}m])", "rate(a_total[5m])"),
        ("rate(a_total[5$unit])", "rate(a_total[5m])"),
        ("rate(a_total[${n}${unit}])", "rate(a_total[5m])"),
        ("rate(a_total[${__range_s}s])", "rate(a_total[300s])"),
        ("max_over_time(up[$__range:$step])", "max_over_time(up[5m:5m])"),
        ("max_over_time(up[${a:text}:${step}s])", "max_over_time(up[5m:5s])"),
        ("up offset $offset", "up offset 5m"),
        ("up offset -$offset", "up offset -5m"),
        ("up @ $time", "up @ 300"),
        ("topk($k, up)", "topk(1, up)"),
        ("topk by (job) ($k, up)", "topk by (job) (1, up)"),
        ("topk(${k}, up) by (job)", "topk(1, up) by (job)"),
        ("histogram_quantile($q, a_bucket)", "histogram_quantile(1, a_bucket)"),
        ("histogram_quantile(0.$q, a_bucket)", "histogram_quantile(0.5, a_bucket)"),
        ("quantile_over_time($q, up[$i])", "quantile_over_time(1, up[5m])"),
        ("clamp(up, $min, $max)", "clamp(up, 1, 1)"),
        ("predict_linear(up[1h], $h * 3600)", "predict_linear(up[1h], 1 * 3600)"),
        ("vector($x)", "vector(1)"),
        ("up > $limit", "up > vector(1)"),
        ("up and $x", "up and vector(1)"),
        ("$a / $b", "vector(1) / vector(1)"),
        ("sum($a)", "sum(vector(1))"),
        ("up $op 5", "up + 5"),
        ("up $comparison", "up "),
        ("sum by (job, $label) (up)", "sum by (job, label) (up)"),
        ("a / on ($l) group_left ($m) b", "a / on (l) group_left (m) b"),
        ("$metric{job='x'}", "{__name__=~\".+\",job='x'}"),
        ("rate($metric[5m])", 'rate({__name__=~".+"}[5m])'),
        ("psi_field_$metric", '{__name__=~"psi_field_.+"}'),
        ("rate(a_${x}_total{}[5m])", 'rate({__name__=~"a_.+_total",}[5m])'),
        ('{__name__="$metric"}', '{__name__=~".+"}'),
        ('ALERTS{alertname!="$alert"}', 'ALERTS{alertname!~".+"}'),
        ("up{$filters}", "up{}"),
        ("{$filters}", '{__name__=~".+",}'),
        ('up{pod="a", $label="$value"}', 'up{pod="a",   }'),
        ("$agg(up)", "sum(up)"),
        ("$agg by (job) (up)", "sum by (job) (up)"),
        ("$agg($k, up)", "topk(1, up)"),
        ("$function(up[5m])", "rate(up[5m])"),
        ("${function}_over_time(0.5, up[5m])", "quantile_over_time(0.5, up[5m])"),
        ("up # $comment", "up # $comment"),
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
