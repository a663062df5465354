"""All rules of the platform: read, checked, and merged into the files that Prometheus loads.

book = load_rulebook(root, severities=("warning", "critical"), overrides={}, runbook_base_url=url)
book.files["alerting_rules.yml"]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from problems import Problems
from promql.expressions import PromqlError, parse, ranges
from rules.checks import check_alert, check_expr
from rules.content import Alert, Record, Sibling, siblings
from rules.files import ALERTS, METRICS, PLATFORM, RECORDS, SLOS, alert_files, slo_files
from rules.inventory import Metric, load_inventory
from rules.merge import merged, with_runbook
from rules.overrides import Overrides, apply_overrides
from rules.reader import read
from rules.schema import AlertRule, RecordRule
from rules.series import Series
from rules.slo.checks import are_queries_sound
from rules.slo.generate import generate
from rules.slo.load import load_slos
from rules.slo.objective import Slo
from rules.source import AnySourced, Sourced, load_rules, note_repeated_groups, note_repeats


@dataclass(frozen=True)
class Rulebook:
    """The checked rules.

    `files`: the texts of alerting_rules.yml, recording_rules.yml and, if there are rules about the
    monitoring itself or objectives, platform_rules.yml and slo_rules.yml, one YAML document each.
    `siblings`: pairs of a more and a less severe alert on the same condition, but for the
    threshold, with the labels both carry: (critical alert, warning alert, label names).
    `longest_range`: the rule that looks back furthest, and how far, in milliseconds.
    """

    files: Mapping[str, str]
    alerts: tuple[Alert, ...]
    records: tuple[Record, ...]
    metrics: tuple[Metric, ...]
    siblings: tuple[Sibling, ...]
    slos: tuple[Slo, ...]
    longest_range: tuple[str, int]
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

    Raises problems.Refused with every problem of every file and override.
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
    specs = filter(None, [read(root, file, problems) for file in slo_files(root)])
    generated = [generate(slo) for slo in load_slos(specs, problems)]
    alerts += [alert for one in generated for alert in one.alerts]
    # A name from a file or rule that could not be read would look like one that doesn't exist.
    complete = not problems
    note_repeats(alerts, "alert", problems)
    # Objectives record the same series, which their own labels tell apart.
    of_slos = [record for one in generated for record in one.records]
    note_repeats([*records, *{one.name: one for one in of_slos}.values()], "record", problems)
    note_repeated_groups([*alerts, *records, *of_slos], problems)

    alerts = apply_overrides(alerts, overrides, problems, complete=complete)
    series = Series(
        metrics, [*records, *of_slos], [alert.name for alert in alerts], complete=complete
    )
    # A query that is at fault is reported once, not with each rule that is made of it.
    sound = [one for one in generated if are_queries_sound(one.slo, series, problems)]
    records += [record for one in sound for record in one.records]
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
        siblings=siblings(alerts, severities, series, [one.slo for one in generated]),
        slos=tuple(one.slo for one in generated),
        longest_range=max(
            (
                (rule.name, length)
                for rule in [*alerts, *records]
                for length in ranges(parse(rule.rule.expr))
            ),
            key=lambda found: found[1],
            default=("", 0),
        ),
        _series=series,
    )


def _files(
    alerts: Sequence[Sourced[AlertRule]], records: Sequence[Sourced[RecordRule]]
) -> dict[str, str]:
    def within(folder: str, rules: Sequence[AnySourced]) -> list[AnySourced]:
        return [rule for rule in rules if rule.document.file.startswith(folder)]

    files = {
        "alerting_rules.yml": merged(within(ALERTS, alerts)),
        "recording_rules.yml": merged(within(RECORDS, records)),
    }
    for name, folder in (("platform_rules.yml", PLATFORM), ("slo_rules.yml", f"{SLOS}/")):
        own = within(folder, [*records, *alerts])
        if own:
            files[name] = merged(sorted(own, key=lambda rule: (rule.document.file, rule.place)))
    return files
