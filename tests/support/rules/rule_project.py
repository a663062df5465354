"""A small valid project of rule files, which tests break one piece at a time."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from problems import Problems, Refused
from rules.overrides import Overrides
from rules.rulebook import Rulebook, load_rulebook
from rules.slo.objectives import DEFAULT_OPTIONS, SloOptions

ALERTS = """\
groups:
  - name: heat
    interval: 30s
    rules:
      - alert: Hot
        expr: oven_heat > 5
        for: 5m
        labels:
          severity: warning
        annotations:
          summary: It is hot
          description: Pod {{ $labels.pod }} is at {{ $value }}, above 5.
          threshold: "5"
"""
RECORDS = """\
groups:
  - name: recorded
    rules:
      - record: oven:heat:avg
        expr: avg by (job) (oven_heat)
"""
METRICS = """\
scrape_labels: [job, pod]
metrics:
  - name: oven_heat
    type: gauge
    unit: celsius
    workload: oven
    labels: []
    help: Heat of the oven.
prometheus:
  - name: up
    type: gauge
    unit: boolean
    labels: [job, pod]
    help: 1 while the target can be scraped.
"""
ALERT_FILE = "rules/alerts/a.yaml"
RECORD_FILE = "rules/recording-rules.yaml"
METRIC_FILE = "rules/metrics.yaml"
RUNBOOK = "docs/runbooks/Hot.md"
SOUND = {
    ALERT_FILE: ALERTS,
    RECORD_FILE: RECORDS,
    METRIC_FILE: METRICS,
    RUNBOOK: "# Hot\n\nOpen the door.\n",
}


def write(root: Path, files: Mapping[str, str | bytes | None]) -> Path:
    """Write the valid project with some files replaced, or left out if they are None."""
    for name, content in {**SOUND, **files}.items():
        if content is None:
            continue
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (root / "rules/alerts").mkdir(parents=True, exist_ok=True)
    return root


def read(
    root: Path, overrides: Overrides | None = None, slo_options: SloOptions = DEFAULT_OPTIONS
) -> tuple[Rulebook, Problems]:
    """Load the project as a stack does. Returns the valid parts and the problems."""
    problems = Problems()
    book = load_rulebook(
        root,
        severities=("warning", "critical"),
        overrides=overrides or {},
        runbook_base_url="https://runbooks.test/pages",
        slo_options=slo_options,
        problems=problems,
    )
    assert book.complete or problems
    return book, problems


def load(
    root: Path, overrides: Overrides | None = None, slo_options: SloOptions = DEFAULT_OPTIONS
) -> Rulebook:
    """The rulebook of the project; raises Refused if it is not valid."""
    book, problems = read(root, overrides, slo_options)
    problems.refuse_if_any()
    return book


def refusals(root: Path, overrides: Overrides | None = None) -> list[str]:
    """The problems of an invalid project."""
    with pytest.raises(Refused) as caught:
        load(root, overrides)
    assert str(caught.value).splitlines() == list(caught.value.problems)
    return list(caught.value.problems)
