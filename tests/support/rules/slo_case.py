"""Objectives of the small project, put to promtool."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.support.rules.promtool import run
from tests.support.rules.rule_project import load
from tests.support.rules.slo_project import SPEC, write_slo

EVENTS = SPEC[SPEC.index("      events:") : SPEC.index("    alerting:")]
GAUGES = EVENTS.replace("rate(", "sum_over_time(")
BURNT, LOAVES = 'burnt_total{job="oven", pod="a"}', 'loaves_total{job="oven", pod="a"}'
OLD = 'sloth_id="oven-bread", sloth_service="oven", sloth_slo="bread", owner="somebody"'
"""The labels of an objective before its file was changed."""


@dataclass(frozen=True)
class Case:
    """An objective's indicator, samples every 30 s, and values of expressions by time.

    A value of None means that the expression has no result.
    """

    indicator: str
    series: Mapping[str, str]
    values: Mapping[tuple[str, str], float | None] = field(default_factory=dict)
    objective: str = "99"


def check_slo_case(promtool: str, folder: Path, case: Case) -> tuple[bool, str]:
    """Whether the rules of the objective behave as the case says, and the output of promtool."""
    spec = SPEC.replace(EVENTS, case.indicator)
    spec = spec.replace("objective: 99", f"objective: {case.objective}")
    book = load(write_slo(folder / "project", spec))
    (folder / "slo_rules.yml").write_text(book.files({})["slo_rules.yml"])
    checks = [
        {
            "expr": expr,
            "eval_time": time,
            "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
        }
        for (time, expr), value in case.values.items()
    ]
    test = {
        "rule_files": ["slo_rules.yml"],
        "evaluation_interval": "30s",
        "group_eval_order": ["slo-oven-bread", "slo-oven-bread-slow"],
        "tests": [
            {
                "interval": "30s",
                "input_series": [{"series": s, "values": v} for s, v in case.series.items()],
                "promql_expr_test": checks,
            }
        ],
    }
    (folder / "case.yaml").write_text(yaml.safe_dump(test))
    return run(promtool, folder, "test", "rules", "case.yaml")
