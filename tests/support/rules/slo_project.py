"""The small valid project with one objective, which tests break one piece at a time."""

from collections.abc import Mapping
from pathlib import Path

from tests.support.rules.rule_project import METRIC_FILE, METRICS, RUNBOOK, write

SLO_FILE = "rules/slos/bread.yaml"
SPEC = """\
version: prometheus/v1
service: oven
labels:
  team: kitchen
slos:
  - name: bread
    objective: 99
    description: Most loaves are not burnt.
    labels:
      tier: "1"
    sli:
      events:
        error_query: sum by (job) (rate(burnt_total[{{.window}}]))
        total_query: sum by (job) (rate(loaves_total[{{.window}}]))
    alerting:
      name: Bread
      page_alert:
        labels:
          severity: critical
      ticket_alert:
        labels:
          severity: warning
"""
ALERTS = ("BreadBudgetBurnFast", "BreadBudgetBurnSlow", "BreadSliAbsent")
_METRIC = METRICS[METRICS.index("  - name: oven_heat") : METRICS.index("prometheus:")]
WITH_COUNTERS = METRICS.replace(
    _METRIC,
    _METRIC
    + "".join(
        _METRIC.replace("oven_heat", name).replace("gauge", "counter")
        for name in ("burnt_total", "loaves_total")
    )
    + _METRIC.replace("oven_heat", "loaves_by_state")
    .replace("gauge", "counter")
    .replace("labels: []", "labels: [state]"),
)


def write_slo(root: Path, spec: str, files: Mapping[str, str | bytes | None] | None = None) -> Path:
    """Write the project with these objectives; `files` replaces or adds other files."""
    pages = {RUNBOOK.replace("Hot", alert): "# Page\n\nLook into the oven.\n" for alert in ALERTS}
    return write(root, {METRIC_FILE: WITH_COUNTERS, **pages, SLO_FILE: spec, **(files or {})})
