"""Panels that count or combine series show the right values, according to promtool."""

from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.boards import BOARDS
from tests.support.rules.promtool import run

PROBES = ("ping", "health", "step")
POD = 'namespace="n", instance="i", pod="prober-0"'
FOUND = "prometheus_target_scrape_pool_targets"
Values = list[tuple[str, float]]


def firing(**labels: str) -> str:
    """The series ALERTS of a firing alert."""
    listed = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return f'ALERTS{{alertstate="firing", {listed}}}'


SERIES: dict[str, str] = {
    # The prober's only pod is down. It has one `up` for itself and one for each probe.
    f'up{{job="blackbox-exporter", {POD}}}': "0x5",
    **{f'up{{job="blackbox-exporter", {POD}, probe="{probe}"}}': "0x5" for probe in PROBES},
    'up{job="psi-field", namespace="n", instance="j", pod="psi-0"}': "1x5",
    # Neither Prometheus pod finds a pod of a job with two probes.
    **{
        f'{FOUND}{{namespace="n", job="prometheus-server", pod="{pod}", scrape_job="{job}"}}': n
        for pod in ("prometheus-0", "prometheus-1")
        for job, n in (("gone/ping", "0x5"), ("gone/step", "0x5"), ("psi-field", "1x5"))
    },
    firing(
        alertname="ProbeFailing",
        severity="critical",
        job="blackbox-exporter",
        workload="psi-field",
    ): "1x5",
    firing(alertname="BurnSlow", severity="warning", sloth_service="psi-field"): "1x5",
    firing(alertname="PsiFieldDown", severity="critical", job="psi-field", pod="a"): "1x5",
    firing(alertname="PsiFieldDown", severity="critical", job="psi-field", pod="b"): "1x5",
    firing(alertname="TreatyDown", severity="critical", job="aurora-treaty"): "1x5",
    firing(alertname="Watchdog", severity="none"): "1x5",
    'alertmanager_notifications_total{pod="idle", integration="slack"}': "7x5",
    'alertmanager_notifications_total{pod="idle", integration="not configured"}': "0x5",
    'alertmanager_notifications_failed_total{pod="idle", integration="slack"}': "0x5",
    'alertmanager_notifications_total{pod="busy", integration="slack"}': "0+6x5",
    'alertmanager_notifications_failed_total{pod="busy", integration="slack"}': "0+3x5",
}


def check(expr: str, expected: Values) -> dict[str, Any]:
    samples = [{"labels": labels, "value": value} for labels, value in expected]
    return {"expr": expr, "eval_time": "5m", "exp_samples": samples}


@pytest.mark.parametrize(
    ("board", "panel", "expected"),
    [
        ("platform", "Targets down", [[("{}", 1)], [("{}", 1)]]),
        ("platform", "Alerts firing", [[("{}", 5)]]),
        ("psi-field", "Alerts firing", [[("{}", 4)]]),
        ("synthetics", "Alerts firing", [[("{}", 1)]]),
        ("scheduler", "Alerts firing", [[("{}", 0)]]),
        (
            "psi-field",
            "Alerts over time",
            [
                [
                    ('{alertname="BurnSlow"}', 1),
                    ('{alertname="ProbeFailing"}', 2),
                    ('{alertname="PsiFieldDown"}', 2),
                ]
            ],
        ),
        (
            "platform",
            "Notifications to people given up",
            [
                [
                    ('{pod="busy", integration="slack"}', 0.5),
                    ('{pod="idle", integration="slack"}', 0),
                ]
            ],
        ),
    ],
)
def test_a_panel_shows(
    board: str, panel: str, expected: list[Values], promtool: str, tmp_path: Path
) -> None:
    exprs = [expr for place, expr in BOARDS[f"{board}.json"].queries if place == panel]
    case = {
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": v} for name, v in SERIES.items()],
                "promql_expr_test": [
                    check(expr, values) for expr, values in zip(exprs, expected, strict=True)
                ],
            }
        ],
    }
    (tmp_path / "case.yaml").write_text(yaml.safe_dump(case))
    passed, output = run(promtool, tmp_path, "test", "rules", "case.yaml")
    assert passed, output


def counted(
    steps: Iterable[int], restart: int | None = None, outage: Container[int] = range(0)
) -> str:
    """The values of a counter that grows by these steps, and starts anew at sample `restart`.

    Nobody scrapes the samples of `outage`.
    """
    total, values = 0, []
    for number, step in enumerate(steps):
        total = 0 if number == restart else total + step
        values.append("_" if number in outage else str(total))
    return " ".join(values)


STEADY = [5] * 360
BURSTS = [110 if 150 <= number < 330 and number % 12 == 0 else 0 for number in range(360)]
"""A burst every 6 minutes, within the two hours that are shown."""


OUTAGES = [range(201, 201 + samples) for samples in (1, 10, 100)]
"""Of half a minute to 50 minutes. Each begins after an evaluation: one that begins later also loses
what came since."""


@pytest.mark.parametrize("steps", [STEADY, BURSTS], ids=["steady", "bursts"])
@pytest.mark.parametrize(
    ("restart", "outage"),
    [(None, range(0)), (250, range(0)), *((None, outage) for outage in OUTAGES)],
    ids=["", "restart", *(f"outage of {len(outage) / 2:g} minutes" for outage in OUTAGES)],
)
def test_a_panel_counts_what_came_in_the_time_shown_within_a_hundredth(
    steps: list[int], restart: int | None, outage: range, promtool: str, folder: Path
) -> None:
    """The recorded increases are evaluated every 2 minutes; promtool does it at every scrape."""
    counters = {
        "Requests": "treaty_requests_total",
        "Routed": "treaty_requests_routed",
        "Dropped": "treaty_dropped_requests",
    }
    queries = dict(reversed(BOARDS["aurora-kpis.json"].queries))
    pods = {"a": counted(steps, restart, outage), "b": counted(steps, outage=outage)}
    came = 2 * sum(steps[-240:])
    shown = {
        panel: queries[panel].replace("[$__range]", "[2h:2m]").replace("$treaty", ".+")
        for panel in counters
    }
    case = {
        "rule_files": ["platform_rules.yml"],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": [
                    {"series": f'{counter}{{pod="{pod}", treaty="A"}}', "values": values}
                    for counter in counters.values()
                    for pod, values in pods.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": f"abs({shown[panel]} / {came} - 1) < bool 0.01",
                        "eval_time": "3h",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                    for panel in counters
                ],
            }
        ],
    }
    (folder / "counts.yaml").write_text(yaml.safe_dump(case))
    passed, output = run(promtool, folder, "test", "rules", "counts.yaml")
    assert passed, output
