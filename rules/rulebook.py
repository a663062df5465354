"""All rules of the platform: read, checked, and merged into the files that Prometheus loads.

book = load_rulebook(root, severities=("warning", "critical"), overrides={}, runbook_base_url=url)
book.files["alerting_rules.yml"]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rules.checks import check_alert, check_expr
from rules.content import Alert, Record, Sibling, siblings
from rules.files import METRICS, PLATFORM, RECORDS, alert_files
from rules.inventory import Metric, load_inventory
from rules.merge import merged, with_runbook
from rules.overrides import Overrides, apply_overrides
from rules.problems import Problems
from rules.promql import PromqlError, parse
from rules.reader import read
from rules.schema import AlertRule, RecordRule
from rules.series import Series
from rules.source import AnySourced, Sourced, load_rules, note_repeated_groups, note_repeats


@dataclass(frozen=True)
class Rulebook:
    """The checked rules.

    `files`: the texts of alerting_rules.yml, recording_rules.yml and, if there are rules about the
    monitoring itself, platform_rules.yml, one YAML document each.
    `siblings`: pairs of a more and a less severe alert on the same condition, but for the
    threshold, with the labels both carry: (critical alert, warning alert, label names).
    """

    files: Mapping[str, str]
    alerts: tuple[Alert, ...]
    records: tuple[Record, ...]
    metrics: tuple[Metric, ...]
    siblings: tuple[Sibling, ...]
    _series: Series

    def check_query(self, expr: str) -> str | None:
        """Why a dashboard can't use this query, its variables replaced; None if it can."""
        try:
            wrong = self._series.check(parse(expr))
        except PromqlError as error:
            return str(error)
        return " ".join(wrong) or None


def load_rulebook(
    root: Path,
    *,
    severities: Sequence[str],
    overrides: Overrides,
    runbook_base_url: str,
) -> Rulebook:
    """Read and check every rule file below `root`, the project's folder.

    `severities` are those that the routes know, the least severe first. `overrides` give single
    alerts another `for` or `threshold*`, as in the settings. The annotation `runbook_url` of each
    alert becomes `runbook_base_url`, "/", its name and ".md".

    Raises rules.problems.Refused with every problem of every file and override.
    """
    problems = Problems()
    documents = [read(root, file, problems) for file in alert_files(root, problems)]
    inventory = read(root, METRICS, problems)
    recording = read(root, RECORDS, problems)
    metrics = load_inventory(inventory, problems) if inventory else ()
    records = load_rules(recording, RecordRule, problems) if recording else []
    alerts: list[Sourced[AlertRule]] = []
    for document in filter(None, documents):
        mixed = document.file.startswith(PLATFORM)
        alerts += load_rules(document, AlertRule, problems, mixed=mixed)
        if mixed:
            records += load_rules(document, RecordRule, problems, mixed=True)
    # A name from a file or rule that could not be read would look like one that doesn't exist.
    complete = not problems
    note_repeats(alerts, "alert", problems)
    note_repeats(records, "record", problems)
    note_repeated_groups([*alerts, *records], problems)

    alerts = apply_overrides(alerts, overrides, problems, complete=complete)
    series = Series(metrics, records, [alert.name for alert in alerts], complete=complete)
    for record in records:
        check_expr(record, series, problems)
    for alert in alerts:
        check_expr(alert, series, problems)
        check_alert(alert, series, severities, root, problems)
    problems.refuse_if_any()
    alerts = [with_runbook(alert, runbook_base_url) for alert in alerts]
    return Rulebook(
        files=_files(alerts, records),
        alerts=tuple(Alert.of(alert, series) for alert in alerts),
        records=tuple(Record.of(record, series) for record in records),
        metrics=metrics,
        siblings=siblings(alerts, severities, series),
        _series=series,
    )


def _files(
    alerts: Sequence[Sourced[AlertRule]], records: Sequence[Sourced[RecordRule]]
) -> dict[str, str]:
    def of_platform(rule: AnySourced) -> bool:
        return rule.document.file.startswith(PLATFORM)

    files = {
        "alerting_rules.yml": merged(alert for alert in alerts if not of_platform(alert)),
        "recording_rules.yml": merged(record for record in records if not of_platform(record)),
    }
    own = sorted(
        filter(of_platform, [*alerts, *records]), key=lambda rule: (rule.document.file, rule.place)
    )
    return files | {"platform_rules.yml": merged(own)} if own else files
