"""The burn windows from recorded events, beside the same windows from the counters.

docs/decisions/14-slos-from-events.md states the differences, and these cases hold them.
"""

from pathlib import Path

import pytest

from tests.support.rules.slo_case import BURNT, EVENTS, GAUGES, LOAVES, OLD, Case, check_slo_case

WINDOWS = ("30m", "1h", "2h")
BATCHES = {"30m": 59, "1h": 119, "2h": 239}
"""Steps between the samples of a counter in each window, at one every 30 seconds."""
PAGE = 'ALERTS{alertname="BreadBudgetBurnFast", alertstate="firing"}'
ALL_DAY = "90000+60x1000"
"""A counter that was not started with the test, so `rate` need not guess where it began."""


def recorded(window: str) -> str:
    return f"sum(slo:sli_error:ratio_rate{window})"


def counted(window: str, suffix: str = "_total") -> str:
    """The oracle: the ratio over a window that reads the counters."""
    return f"sum(rate(burnt{suffix}[{window}])) / sum(rate(loaves{suffix}[{window}]))"


def differs(window: str, least: float, most: float, span: str = "2h", **kind: str) -> str:
    """1 if the largest difference of the two within `span` is between so many batches of 30 s."""
    by_time = f"abs({recorded(window)} - {counted(window, **kind)})"
    found = f"max_over_time(({by_time})[{span}:30s]) * {BATCHES[window]}"
    return f"({found} >= bool {least}) * ({found} < bool {most})"


def rounded(expr: str) -> str:
    return f"round({expr}, 0.0001)"


BURST = {BURNT: "90000x240 90060 90120x400", LOAVES: ALL_DAY}
"""Nothing but errors for a minute, after two good hours."""


def gap(batches: int) -> dict[str, str]:
    """Nothing but errors, which no scrape sees, for so many batches after two hours."""
    missed, errors, all_ = f"_x{batches - 1}", 60 * batches, 60 * (240 + batches)
    return {
        BURNT: f"90000x240 {missed} {90000 + errors}x240",
        LOAVES: f"90000+60x240 {missed} {90000 + all_}+60x240",
    }


NEW = OLD.replace(', owner="somebody"', "")
RISING = " ".join(f"{number / 9:.6f}" for number in range(1, 10))
FALLING = " ".join(f"{number / 9:.6f}" for number in range(8, -1, -1))

CASES = {
    "an outage of 20 minutes begins, ends, and leaves the windows": Case(
        EVENTS,
        {BURNT: "90000x240 90060+60x39 92400x240", LOAVES: ALL_DAY},
        {
            **{("4h", differs(window, 1.1, 1.2)): 1 for window in WINDOWS},
            # From 4 minutes and 30 seconds on, the two are the same until the outage ends.
            **{("2h20m", differs(window, 0, 0.01, "15m30s")): 1 for window in WINDOWS},
            # They are the same again five minutes later, and until the outage leaves the window.
            **{("2h57m", differs(window, 0, 0.01, "32m")): 1 for window in WINDOWS[1:]},
        },
    ),
    "an outage pages half a minute later from an objective above 99 %": Case(
        EVENTS,
        {BURNT: "90000x240 90060+60x240", LOAVES: ALL_DAY},
        {
            ("2h30s", f"count({counted('1h')} > 0.0144)"): None,
            ("2h1m", f"count({counted('1h')} > 0.0144)"): 1,
            ("2h1m", "count(slo:burn_rate:min_1h_5m > 14.4)"): None,
            ("2h1m30s", "count(slo:burn_rate:min_1h_5m > 14.4)"): 1,
            ("2h3m", f"count({PAGE})"): None,
            ("2h3m30s", f"count({PAGE})"): 1,
        },
        objective="99.9",
    ),
    "a burst of a minute weighs 0.6 to 1.4 times as much at first, and then once": Case(
        EVENTS,
        BURST,
        {
            ("2h1m", rounded(counted("1h"))): 0.0168,
            ("2h1m", rounded(recorded("1h"))): 0.0103,
            ("2h4m", rounded(recorded("1h"))): 0.0215,
            ("2h4m30s", rounded(recorded("1h"))): 0.0233,
            ("2h5m30s", rounded(recorded("1h"))): 0.0168,
            ("2h57m", rounded(recorded("1h"))): 0.0168,
        },
        objective="99.9",
    ),
    "a burst leaves a window 2 minutes and 30 seconds after it": Case(
        EVENTS,
        BURST,
        {
            ("3h30s", rounded(counted("1h"))): 0,
            ("3h2m", rounded(recorded("1h"))): 0.0009,
            ("3h2m30s", rounded(recorded("1h"))): 0,
        },
    ),
    "errors between scrapes that are 4 minutes apart lose most of their weight": Case(
        EVENTS,
        gap(8),
        {
            ("2h20m", rounded(counted("1h"))): 0.0672,
            ("2h20m", rounded(recorded("1h"))): 0.0157,
            ("2h20m", rounded(counted("30m"))): 0.1356,
            ("2h20m", rounded(recorded("30m"))): 0.0333,
        },
    ),
    "errors between scrapes that are 5 minutes apart are lost": Case(
        EVENTS,
        gap(10),
        {
            ("2h20m", rounded(counted("1h"))): 0.084,
            ("2h20m", rounded(recorded("1h"))): 0,
        },
    ),
    "errors between scrapes that are 7 minutes apart are lost": Case(
        EVENTS,
        gap(14),
        {
            ("2h20m", rounded(counted("1h"))): 0.1176,
            **{("4h", f"max_over_time({recorded(window)}[2h:30s])"): 0 for window in WINDOWS},
        },
    ),
    "a counter that vanishes is recorded for as long, and a new pod counts from zero": Case(
        EVENTS,
        {
            BURNT: "90000x240 90060+60x39 stale _x39 0+30x240",
            LOAVES: "90000+60x280 stale _x39 0+60x240",
        },
        {
            **{("2h40m", differs(window, 0, 3)): 1 for window in WINDOWS},
            **{("4h", differs(window, 0, 3)): 1 for window in WINDOWS},
        },
    ),
    # The newest sample with the old labels stands for no missing one once its series has ended.
    "the labels change at the end of an outage of 5 minutes": Case(
        EVENTS,
        {
            f'slo:bad_events:over_5m{{job="oven", {OLD}}}': f"0x240 {RISING} 1 stale",
            f'slo:all_events:over_5m{{job="oven", {OLD}}}': "1x250 stale",
            f'slo:bad_events:over_5m{{job="oven", {NEW}}}': f"_x251 {FALLING} 0x100",
            f'slo:all_events:over_5m{{job="oven", {NEW}}}': "_x251 1x110",
            "burnt_oracle": "90000x240 90060+60x9 90600x200",
            "loaves_oracle": ALL_DAY,
        },
        {
            **{("2h50m", differs(w, 1, 1.2, "50m", suffix="_oracle")): 1 for w in WINDOWS},
            ("2h20m", rounded(recorded("30m"))): 0.1695,
            ("2h20m", rounded(counted("30m", "_oracle"))): 0.1695,
        },
    ),
    "samples that are added up lack half a sample more than a counter": Case(
        GAUGES,
        {BURNT: "0x240 1x39 0x200", LOAVES: "1x1000"},
        {
            # 10 and 40 of the 59.5 samples that the range and the missing ones come to.
            ("2h5m", f"{recorded('30m')} * 59.5"): 10,
            ("2h20m", f"{recorded('30m')} * 59.5"): 40,
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_window_behaves_as_in(name: str, promtool: str, tmp_path: Path) -> None:
    passed, output = check_slo_case(promtool, tmp_path, CASES[name])
    assert passed, output
