"""Objectives in forms that the platform's own don't use, put to promtool."""

from pathlib import Path

import pytest

from tests.support.rules.slo_case import BURNT, EVENTS, GAUGES, LOAVES, OLD, Case, check_slo_case

COMMON = """\
      events:
        error_query: sum(rate(loaves_by_state{state=~"burnt|raw"}[{{.window}}]))
        total_query: sum(rate(loaves_by_state[{{.window}}]))
"""
RAW = """\
      raw:
        error_ratio_query: |
          sum(rate(burnt_total[{{.window}}]))
          /
          sum(rate(loaves_total[{{.window}}]))
"""
GOOD, BAD = (f'loaves_by_state{{job="oven", pod="a", state="{one}"}}' for one in ("good", "burnt"))
ABSENT = 'ALERTS{alertname="BreadSliAbsent", alertstate="firing"}'


def ratio(window: str) -> str:
    return f"sum(round(slo:sli_error:ratio_rate{window}, 0.001))"


CASES = {
    "a service that has never had an error is healthy": Case(
        COMMON,
        {GOOD: "0+60x120"},
        {("1h", ratio("5m")): 0, ("1h", ratio("30d")): 0, ("1h", ABSENT): None},
    ),
    "errors that appear are counted among all events": Case(
        COMMON,
        {GOOD: "0+30x120", BAD: "_x60 0+10x60"},
        {("1h", ratio("5m")): 0.25, ("20m", ratio("5m")): 0, ("1h", ABSENT): None},
    ),
    "a metric that vanishes is unknown, although its errors were filled in": Case(
        COMMON,
        {GOOD: "0+60x20 _x100"},
        {("10m", ratio("5m")): 0, ("30m", ratio("5m")): None, ("40m", f"count({ABSENT})"): 1},
    ),
    "a share that is given is what its query says": Case(
        RAW,
        {BURNT: "0+1x120", LOAVES: "0+5x120"},
        {("1h", ratio(window)): 0.2 for window in ("5m", "1h", "6h", "1d", "30d")},
    ),
    "a share of nothing among nothing is 0": Case(
        RAW,
        {BURNT: "7x120", LOAVES: "9x120"},
        {("1h", ratio("5m")): 0, ("1h", ratio("30d")): 0, ("1h", ABSENT): None},
    ),
    "a share of a metric that vanished is unknown": Case(
        RAW,
        {BURNT: "0+1x20 _x100", LOAVES: "0+5x20 _x100"},
        {("30m", ratio("5m")): None, ("40m", f"count({ABSENT})"): 1},
    ),
    "one sample that is no number does not spoil a month": Case(
        GAUGES,
        {BURNT: "1x40 NaN 1x79", LOAVES: "4x120"},
        {("1h", ratio("30d")): 0.25, ("1h", ratio("5m")): 0.25},
    ),
    # Both label sets are visible for five minutes if Prometheus restarted with the change.
    "a change of labels keeps the events that were recorded before it": Case(
        EVENTS,
        {
            BURNT: "0x240",
            LOAVES: "0+3x240",
            f"slo:watch:seconds{{{OLD}}}": "0+30x40",
            f'slo:bad_events:over_5m{{job="oven", {OLD}}}': "0.1x40",
            f'slo:all_events:over_5m{{job="oven", {OLD}}}': "0.1x40",
            **{
                f'slo:sli_error:ratio_rate{window}{{job="oven", sloth_window="{window}", {OLD}}}': (
                    "1x40"
                )
                for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
            },
            **{
                f'slo:burn_rate:{name}{{job="oven", {OLD}}}': "100x40"
                for name in ("min_1h_5m", "min_6h_30m", "min_1d_2h", "min_3d_6h")
            },
        },
        {
            # 41 samples say that all events were bad, and some 240 that none was.
            ("2h", "sum(round(slo:sli_error:ratio_rate1d, 0.01))"): 0.15,
            **{("2h", f"count(slo:burn_rate:over_{one})"): 1 for one in ("1h", "6h", "1d", "3d")},
            ("2h", "count(slo:burn_rate:min_1h_5m)"): 1,
            ("2h", "count(slo:period_burn_rate:ratio)"): 1,
            ("22m", 'count(slo:burn_rate:min_1h_5m{owner=""})'): 1,
            ("22m", 'count(slo:current_burn_rate:ratio{owner=""})'): 1,
            ("22m", 'count(slo:period_error_budget_remaining:ratio{owner=""})'): 1,
            ("22m", 'count(slo:error_budget_exhaustion:seconds{owner=""})'): 1,
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_objective_of_another_form_behaves(name: str, promtool: str, tmp_path: Path) -> None:
    passed, output = check_slo_case(promtool, tmp_path, CASES[name])
    assert passed, output
